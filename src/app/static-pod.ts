import { mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NewFilePod, NewPod, StaticPodRequest } from "../config/resolve-static-pod.ts";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import { renderStaticPod, withImage } from "../manifest/static-pod.ts";
import { nodeAddress } from "../reach/node-address.ts";
import { gatewayOf } from "./reach.ts";

export interface PreparedStaticPod {
  readonly path: string;
  readonly manifest: string;
  readonly mode: number;
}

/** The manifest, and where it belongs; nothing is written yet. */
export async function prepareStaticPod(request: StaticPodRequest): Promise<PreparedStaticPod> {
  const { directory, pod } = request;
  const path = join(directory, `${pod.name}.yaml`);
  if (request.care === undefined) return changeImage(path, pod.image);
  return { path, manifest: renderNew(request), mode: SECRET };
}

/** Kubelet sees the old file or the new one, never half of one: names that begin with a dot mean nothing to it. */
export async function writeManifest({ path, manifest, mode }: PreparedStaticPod): Promise<void> {
  const directory = dirname(path);
  const draft = join(directory, `.lvscare-${crypto.randomUUID()}.tmp`);
  try {
    await mkdir(directory, { recursive: true });
    const file = await open(draft, "wx", SECRET);
    try {
      await file.chmod(mode);
      await file.writeFile(manifest);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    // What went wrong first is what counts.
    await rm(draft, { force: true }).catch(() => undefined);
    throw fileError(`write ${path}`, error);
  }
}

// --- internal ---

/** There may be a token in the headers of the checks. */
const SECRET = 0o600;

/** Throws USAGE for a node whose address the daemon would refuse. */
function renderNew({ pod, care }: NewPod | NewFilePod): string {
  // Of a file, each virtual server heeds it that is of its family.
  if (care === "from its file")
    return renderStaticPod({ ...pod, nodeIp: (nodeAddress("ipv4") ?? nodeAddress("ipv6"))?.address });
  const { service, reach } = care;
  const { endpoint } = service;
  if (reach.mode === "route") gatewayOf(reach, endpoint);
  return renderStaticPod({ ...pod, nodeIp: nodeAddress(endpoint.family)?.address });
}

/** Of the file that is there everything else stays: its mode, too, and a link to it. */
async function changeImage(link: string, image: string): Promise<PreparedStaticPod> {
  const operation = `set the image in ${link}`;
  try {
    const path = await realpath(link);
    const { mode } = await stat(path);
    return { path, manifest: withImage(await readFile(path, "utf8"), image), mode: mode & 0o7777 };
  } catch (error) {
    if (error instanceof LvscareError) {
      const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
      throw new LvscareError(error.code, error.message, { operation, ...remedy, cause: error });
    }
    if (errnoOf(error) === "ENOENT")
      throw new LvscareError("FILE_FAILED", NO_SUCH_FILE, {
        operation,
        errno: "ENOENT",
        remedy: "the file has the name of the pod: --name says which, and --path where",
        cause: error,
      });
    throw fileError(operation, error);
  }
}

const NO_SUCH_FILE = "there is no such file";

function fileError(operation: string, error: unknown): LvscareError {
  const errno = errnoOf(error);
  const message = errno === "ENOENT" ? NO_SUCH_FILE : error instanceof Error ? error.message : String(error);
  return new LvscareError("FILE_FAILED", message, { operation, ...(errno !== undefined && { errno }), cause: error });
}
