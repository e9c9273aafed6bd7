import { join } from "node:path";

/** How one blob of an image refers to another (OCI image specification, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: "linux" };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The media types of the OCI image specification that are used here. */
export const MEDIA_TYPE = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** Where a blob lies in the layout. */
export function blobPath({ digest }: Descriptor): string {
  return join("blobs", digest.replace(":", "/"));
}

export async function writeBlob(
  layout: string,
  mediaType: string,
  content: Uint8Array | Readonly<Record<string, unknown>>,
): Promise<Descriptor> {
  const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await Bun.write(join(layout, blobPath(descriptor)), bytes);
  return descriptor;
}

/** Makes the folder an image layout (image-layout.md) of this one image or index. */
export async function writeLayout(layout: string, entry: Descriptor): Promise<void> {
  await Bun.write(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [entry] };
  await Bun.write(join(layout, "index.json"), JSON.stringify(index));
}
