import { join } from "node:path";
import { Glob } from "bun";
import { checkout } from "../test/checkout.ts";

export interface Page {
  /** From the checkout: `docs/checks.md`. */
  readonly path: string;
  readonly text: string;
}

/** The README and all of `docs/`. */
export async function readPages(): Promise<readonly Page[]> {
  const docs = [...new Glob("docs/**/*.md").scanSync({ cwd: checkout })].toSorted();
  return Promise.all(
    ["README.md", ...docs].map(async (path) => ({ path, text: await Bun.file(join(checkout, path)).text() })),
  );
}
