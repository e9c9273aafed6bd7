import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DaemonSetOptions } from "../domain/daemon-set-options.ts";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import { KUSTOMIZATION, KUSTOMIZATION_MARK, renderKustomization } from "../manifest/daemon-set.ts";
import { writeManifest } from "./static-pod.ts";

/**
 * Writes a base of kustomize's into a directory, which is made if need be; other files in it are left alone. Rejects with
 * FILE_FAILED, and with IN_THE_WAY before anything is written where somebody keeps a kustomization of their own. Resolves
 * to what was written.
 */
export async function writeKustomization(directory: string, options: DaemonSetOptions): Promise<readonly string[]> {
  const files = [...renderKustomization(options)].map(([name, manifest]) => ({
    path: join(directory, name),
    manifest,
  }));
  const path = join(directory, KUSTOMIZATION);
  const text = await existing(path);
  if (text !== undefined && !text.startsWith(KUSTOMIZATION_MARK)) {
    throw new LvscareError("IN_THE_WAY", `${path} is not one that lvscare kustomize wrote`, {
      remedy: "name another directory, and that one in its resources",
    });
  }
  // What names the others comes last.
  for (const file of files.toReversed()) await writeManifest({ ...file, mode: SECRET });
  return files.map(({ path }) => path);
}

// --- internal ---

/** There may be a token in the headers of the checks. */
const SECRET = 0o600;

async function existing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new LvscareError("FILE_FAILED", String(error), { operation: `read ${path}`, cause: error });
  }
}
