import { checkout } from "./checkout.ts";

/** Deals the files out by size, the largest first and each to the lightest shard; leaves none empty. */
export function shardsOf(files: readonly string[], count: number): string[][] {
  const shards = Array.from({ length: Math.max(1, Math.min(count, files.length)) }, () => ({
    bytes: 0,
    files: [] as string[],
  }));
  const sized = files.map((file) => ({ file, bytes: Bun.file(`${checkout}/${file}`).size }));
  for (const { file, bytes } of sized.toSorted((a, b) => b.bytes - a.bytes)) {
    const lightest = shards.reduce((best, shard) => (shard.bytes < best.bytes ? shard : best));
    lightest.files.push(file);
    lightest.bytes += bytes;
  }
  return shards.map((shard) => shard.files.sort());
}
