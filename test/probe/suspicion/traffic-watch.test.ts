import { expect, test } from "bun:test";
import { TrafficWatch, type CountedServer } from "../../../src/probe/suspicion/traffic-watch.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const SERVER = "10.0.0.1:80";

test("looks ten times a second while there is traffic, and more and more seldom without", async () => {
  const { clock, reads, counts } = watching();
  for (let n = 0; n < 10; n++) {
    counts.inPackets += 10;
    counts.outPackets += 10;
    await clock.advance(100);
  }
  expect(reads().length).toBeWithin(9, 12);
  const before = reads().length;
  await clock.advance(60_000);
  expect(reads().length - before).toBeLessThan(40);
});

test("looks at many without traffic in few turns, whenever each began", async () => {
  const clock = new VirtualClock();
  const watch = new TrafficWatch({
    clock: {
      now: () => clock.now(),
      setTimeout: (fire, ms) => clock.setTimeout(fire, ms),
      clearTimeout: (timer) => clock.clearTimeout(timer as number),
    },
    spentMs: () => 0,
    countHalfOpen: () => new Map(),
  });
  const looks: number[] = [];
  for (let one = 0; one < 40; one++) {
    const read = (): [] => {
      looks.push(clock.now());
      return [];
    };
    watch.watch({ read, quietMs: () => 100, suspect: () => undefined });
    await clock.advance(47);
  }
  await clock.advance(20_000);
  looks.length = 0;
  await clock.advance(20_000);
  expect(looks.length).toBeWithin(380, 440);
  expect(new Set(looks).size).toBeLessThanOrEqual(44);
});

test("spends a hundredth of a processor at most, and counts half-open connections by themselves", async () => {
  const { clock, reads, counts, cost, halfOpenReads } = watching();
  Object.assign(cost, { readMs: 5, halfOpenMs: 50 });
  for (let n = 0; n < 1000; n++) {
    counts.active = n % 2;
    counts.inactive++;
    await clock.advance(100);
  }
  // In 100 s: 1 s for each kind.
  expect(reads().length).toBeWithin(150, 202);
  expect(halfOpenReads().length).toBeWithin(15, 22);
});

test("does not ask for half-open connections where none began", async () => {
  const { clock, counts, halfOpenReads } = watching();
  for (let n = 0; n < 50; n++) {
    counts.inPackets += 10;
    counts.outPackets += 10;
    await clock.advance(100);
  }
  expect(halfOpenReads()).toEqual([]);
});

test("suspects whose new connections wait, and nobody any more when it is told to end", async () => {
  const { clock, counts, halfOpen, suspected, end, reads } = watching();
  await clock.advance(1000);
  halfOpen.set(SERVER, 1);
  counts.inactive++;
  await clock.advance(2500);
  expect(suspected.length).toBeGreaterThan(0);
  expect(new Set(suspected)).toEqual(new Set([SERVER]));
  end();
  const before = reads().length;
  await clock.advance(10_000);
  expect(reads().length).toBe(before);
});

// --- internal ---

function watching() {
  const clock = new VirtualClock();
  const cost = { readMs: 0, halfOpenMs: 0 };
  const counts = { server: SERVER, active: 0, inactive: 0, inPackets: 0, outPackets: 0 };
  const halfOpen = new Map<string, number>();
  const [reads, halfOpenReads, suspected]: [number[], number[], string[]] = [[], [], []];
  let spentMs = 0;
  const watch = new TrafficWatch({
    clock: {
      now: () => clock.now(),
      setTimeout: (fire, ms) => clock.setTimeout(fire, ms),
      clearTimeout: (timer) => clock.clearTimeout(timer as number),
    },
    spentMs: () => spentMs,
    countHalfOpen: () => {
      halfOpenReads.push(clock.now());
      spentMs += cost.halfOpenMs;
      return halfOpen;
    },
  });
  const end = watch.watch({
    read: (): readonly CountedServer[] => {
      reads.push(clock.now());
      spentMs += cost.readMs;
      return [{ ...counts }];
    },
    quietMs: () => 100,
    suspect: (server) => void suspected.push(server),
  });
  return { clock, cost, counts, halfOpen, suspected, end, reads: () => reads, halfOpenReads: () => halfOpenReads };
}
