import { join } from "node:path";
import { sha256 } from "./file-digest.ts";

/** Writes `SHA256SUMS` for `sha256sum -c` over everything in the folder that a release hands out; returns where it lies. */
export async function writeChecksums(folder: string): Promise<string> {
  const files = await Array.fromAsync(new Bun.Glob("lvscare-*").scan({ cwd: folder }));
  const lines = files.toSorted().map(async (file) => `${await sha256(join(folder, file))}  ${file}\n`);
  const output = join(folder, "SHA256SUMS");
  await Bun.write(output, (await Promise.all(lines)).join(""));
  return output;
}
