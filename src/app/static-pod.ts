import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StaticPodRequest } from "../config/resolve-static-pod.ts";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import { renderStaticPod, withImage } from "../manifest/static-pod.ts";
import { nodeAddress } from "../reach/node-address.ts";

/** The manifest, and where it belongs; nothing is written yet. */
export async function prepareStaticPod(request: StaticPodRequest): Promise<{ path: string; manifest: string }> {
  const { directory, pod, onlyImage } = request;
  const path = join(directory, `${pod.name}.yaml`);
  if (!onlyImage) return { path, manifest: renderStaticPod({ ...pod, nodeIp: nodeAddress("ipv4")?.address }) };
  const operation = `set the image in ${path}`;
  try {
    return { path, manifest: withImage(await readFile(path, "utf8"), pod.image) };
  } catch (error) {
    if (error instanceof LvscareError) {
      const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
      throw new LvscareError(error.code, error.message, { operation, ...remedy, cause: error });
    }
    throw fileError(operation, error);
  }
}

/** Kubelet sees the old file or the new one, never half of one: names that begin with a dot mean nothing to it. */
export async function writeStaticPod(path: string, manifest: string): Promise<void> {
  const directory = join(path, "..");
  const draft = join(directory, `.lvscare-${process.pid}.tmp`);
  try {
    await mkdir(directory, { recursive: true });
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(manifest);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw fileError(`write ${path}`, error);
  }
}

// --- internal ---

function fileError(operation: string, error: unknown): LvscareError {
  const errno = errnoOf(error);
  const message = errno === "ENOENT" ? "there is no such file" : error instanceof Error ? error.message : String(error);
  return new LvscareError("FILE_FAILED", message, { operation, ...(errno !== undefined && { errno }), cause: error });
}
