import { join } from "node:path";

/** One image of a layout, with everything that it refers to read and found to be what it is said to be. */
export interface ReadImage {
  readonly configPath: string;
  readonly config: unknown;
  readonly layers: readonly { readonly path: string; readonly diffId: string }[];
}

/** Reads an OCI image layout as a client would, from `index.json` down, by architecture; throws where size or digest is wrong. */
export async function readImages(layout: string): Promise<Map<string, ReadImage>> {
  const { imageLayoutVersion } = (await Bun.file(join(layout, "oci-layout")).json()) as { imageLayoutVersion: string };
  if (imageLayoutVersion !== "1.0.0") throw new Error(`unknown layout ${imageLayoutVersion}`);
  const images = new Map<string, ReadImage>();
  const open: unknown[] = [await Bun.file(join(layout, "index.json")).json()];
  for (const document of open) {
    const { mediaType, manifests, config, layers } = document as Document;
    if (mediaType === `${OCI}.index.v1+json`) {
      for (const { digest, size } of manifests) open.push(parse(await readBlob(layout, digest, size)));
    } else if (mediaType === `${OCI}.manifest.v1+json`) {
      const read = parse(await readBlob(layout, config.digest, config.size)) as { architecture: string };
      images.set(read.architecture, {
        configPath: blobPath(layout, config.digest),
        config: read,
        layers: await Promise.all(layers.map((layer) => readLayer(layout, layer))),
      });
    } else throw new Error(`unknown media type ${mediaType}`);
  }
  return images;
}

// --- internal ---

const OCI = "application/vnd.oci.image";

interface Reference {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An index has `manifests`, a manifest has the rest. */
interface Document {
  readonly mediaType: string;
  readonly manifests: readonly Reference[];
  readonly config: Reference;
  readonly layers: readonly Reference[];
}

async function readLayer(layout: string, { mediaType, digest, size }: Reference) {
  if (mediaType !== `${OCI}.layer.v1.tar+gzip`) throw new Error(`unknown media type ${mediaType}`);
  const bytes = await readBlob(layout, digest, size);
  return { path: blobPath(layout, digest), diffId: sha256(Bun.gunzipSync(bytes)) };
}

async function readBlob(layout: string, digest: string, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Bun.file(blobPath(layout, digest)).bytes();
  if (bytes.byteLength !== size) throw new Error(`${digest} has ${bytes.byteLength} bytes, not ${size}`);
  if (sha256(bytes) !== digest) throw new Error(`${digest} is really ${sha256(bytes)}`);
  return bytes;
}

function blobPath(layout: string, digest: string): string {
  return join(layout, "blobs", ...digest.split(":"));
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
}
