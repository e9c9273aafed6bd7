import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { installInto, packCopy } from "../../test/package/support/packed.ts";
import { ARCHITECTURES } from "../image/architectures.ts";
import { fillRootFolder } from "../image/root-folder.ts";
import { checkout } from "./checkout.ts";

/** What users get besides the binary, laid out for the kernel tests: `project` depends on the npm package, `image` is the image's root. */
export const DELIVERED = join(checkout, "dist/delivered");

/**
 * The guest has no network, so all is made out here, for the architecture that `binary` is for. In a process of its own: the bundler does
 * not see packages that were installed since its process started.
 */
export async function layOutDeliveries(binary: string, architecture = OWN_ARCHITECTURE): Promise<void> {
  await runCommand([process.execPath, import.meta.path, binary, architecture], { cwd: checkout, timeoutMs: 600_000 });
}

const OWN_ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";

if (import.meta.main) await layOut(process.argv[2] ?? "", process.argv[3] ?? "");

// --- internal ---

async function layOut(binary: string, name: string): Promise<void> {
  await rm(DELIVERED, { recursive: true, force: true });
  const [project, image] = [join(DELIVERED, "project"), join(DELIVERED, "image")];
  await mkdir(project, { recursive: true });
  await mkdir(image);
  const packing = await mkdtemp(join(tmpdir(), "lvscare-pack-"));
  try {
    await installInto(project, await packCopy(packing));
  } finally {
    await rm(packing, { recursive: true });
  }
  const architecture = ARCHITECTURES.find((each) => each.name === name);
  if (architecture === undefined) throw new Error(`there is no image for ${name}`);
  await fillRootFolder(image, architecture, binary);
  // Where a container's runtime mounts it.
  await mkdir(join(image, "proc"));
}
