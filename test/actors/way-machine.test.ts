import { expect, test } from "bun:test";
import { createActor } from "xstate";
import { createWayMachine } from "../../src/actors/way-machine.ts";
import type { WayEvent, WayReading } from "../../src/domain/way.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

const GOOD: WayReading = { latencyMs: 0.4 };
const BAD: WayReading = { latencyMs: 2000, problem: "connect timed out after 2s" };

test("tries when it opens, after a burst of changes once, and each minute; tells changes alone", async () => {
  const way = start([GOOD, GOOD, GOOD, BAD, BAD, GOOD]);
  way.actor.send({ type: "way.changed" });
  await way.advance(120_000);
  expect(way.tries).toEqual([]);

  way.actor.send({ type: "way.opened" });
  await way.advance(0);
  way.actor.send({ type: "way.changed" });
  way.actor.send({ type: "way.changed" });
  await way.advance(75);
  await way.advance(60_000);
  expect(way.tries).toEqual([120_000, 120_075, 180_075]);
  expect(way.told).toEqual([{ type: "way.answers", latencyMs: 0.4, again: false }]);

  // Lost, it is tried again soon.
  await way.advance(60_000);
  await way.advance(5000);
  await way.advance(5000);
  expect(way.tries.slice(3)).toEqual([240_075, 245_075, 250_075]);
  expect(way.told.slice(1)).toEqual([
    { type: "way.lost", problem: "connect timed out after 2s" },
    { type: "way.answers", latencyMs: 0.4, again: true },
  ]);
});

test("says nothing of a way that leads to nobody", async () => {
  const way = start([BAD, GOOD]);
  way.actor.send({ type: "way.opened" });
  await way.advance(0);
  expect(way.actor.getSnapshot().context.standing).toMatchObject({ problem: "connect timed out after 2s", sinceMs: 0 });
  way.actor.send({ type: "way.closed" });
  expect(way.actor.getSnapshot().context.standing).toBeUndefined();
  await way.advance(120_000);
  expect(way.tries).toHaveLength(1);
});

// --- internal ---

function start(readings: readonly WayReading[]) {
  const clock = new VirtualClock();
  const tries: number[] = [];
  const told: WayEvent[] = [];
  const tryWay = (): Promise<WayReading> => {
    tries.push(clock.now());
    return Promise.resolve(readings[tries.length - 1] ?? GOOD);
  };
  const actor = createActor(createWayMachine(), { input: { tryWay, now: () => clock.now() }, clock });
  actor.on("*", (event) => told.push(event));
  actor.start();
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    // What a try found is heard a turn later.
    await new Promise(setImmediate);
  };
  return { actor, tries, told, advance };
}
