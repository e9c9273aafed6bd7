/** Seconds that the longest files take in the emulated machine; only the balance of the shards depends on them. */
const knownSeconds: Readonly<Record<string, number>> = {
  "test/kernel/faults.test.ts": 225,
  "test/kernel/scale.test.ts": 170,
  "test/kernel/doctor.test.ts": 115,
  "test/kernel/reach-route.test.ts": 115,
  "test/kernel/reach-link.test.ts": 105,
  "test/kernel/story.test.ts": 95,
  "test/kernel/sentinel.test.ts": 90,
  "test/kernel/repair.test.ts": 80,
  "test/kernel/faulty-servers.test.ts": 70,
  "test/kernel/one-shot.test.ts": 60,
  "test/kernel/guide.test.ts": 40,
};
const otherSeconds = 20;

/** Deals the files out, the longest first and each to the shard with the least to do; leaves none empty. */
export function shardsOf(files: readonly string[], count: number): string[][] {
  const shards = Array.from({ length: Math.max(1, Math.min(count, files.length)) }, () => ({
    seconds: 0,
    files: [] as string[],
  }));
  for (const file of files.toSorted((a, b) => secondsOf(b) - secondsOf(a))) {
    const lightest = shards.reduce((best, shard) => (shard.seconds < best.seconds ? shard : best));
    lightest.files.push(file);
    lightest.seconds += secondsOf(file);
  }
  return shards.map((shard) => shard.files.toSorted());
}

function secondsOf(file: string): number {
  return knownSeconds[file] ?? otherSeconds;
}
