/** A machine that there is an image for. */
export interface Architecture {
  /** As OCI, Go and Debian name it. */
  readonly name: "amd64" | "arm64";
  /** Debian's folder for its libraries. */
  readonly libraries: string;
  /** Where programs look for the loader. */
  readonly loader: string;
}

export const ARCHITECTURES: readonly Architecture[] = [
  { name: "amd64", libraries: "lib/x86_64-linux-gnu", loader: "lib64/ld-linux-x86-64.so.2" },
  { name: "arm64", libraries: "lib/aarch64-linux-gnu", loader: "lib/ld-linux-aarch64.so.1" },
];
