/** A kind of machine that releases have a binary for. */
export interface Target {
  /** As containers and Go name it; musl is the C library of Alpine and its kin. */
  readonly name: string;
  /** `process.arch` there. */
  readonly arch: "x64" | "arm64";
  readonly libc: "glibc" | "musl";
  /** `bun build --target`. */
  readonly bun: string;
  /** The npm package with the runtime that becomes part of the binary. */
  readonly runtime: string;
}

/**
 * There is no `-baseline` for old processors: since Bun 1.4 it is the same runtime as `bun-linux-x64`, which needs SSE4.2 (2008) and no
 * AVX2.
 */
export const TARGETS: readonly Target[] = [
  { name: "linux-amd64", arch: "x64", libc: "glibc", bun: "bun-linux-x64", runtime: "@oven/bun-linux-x64" },
  { name: "linux-arm64", arch: "arm64", libc: "glibc", bun: "bun-linux-arm64", runtime: "@oven/bun-linux-aarch64" },
  {
    name: "linux-amd64-musl",
    arch: "x64",
    libc: "musl",
    bun: "bun-linux-x64-musl",
    runtime: "@oven/bun-linux-x64-musl",
  },
  {
    name: "linux-arm64-musl",
    arch: "arm64",
    libc: "musl",
    bun: "bun-linux-arm64-musl",
    runtime: "@oven/bun-linux-aarch64-musl",
  },
];

export function targetNamed(name: string): Target {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined)
    throw new Error(`there is no binary for ${name}, only for ${TARGETS.map((each) => each.name).join(", ")}`);
  return target;
}
