import { join } from "node:path";
import { bundledPackages, renderLicences } from "./build/third-party.ts";
import { setUp } from "./setup.ts";
import { checkout } from "./test/checkout.ts";

/** What `lvscare licences` prints besides LVScare's own licence; it lies among the sources, so that it is in all that is made of them. */
export const LICENCES_FILE = join(checkout, "src/cli/third-party-licences.txt");

if (import.meta.main) {
  await setUp();
  await Bun.write(LICENCES_FILE, renderLicences(await bundledPackages()));
  process.stdout.write(`${LICENCES_FILE}\n`);
}
