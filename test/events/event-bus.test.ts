import { expect, test } from "bun:test";
import { EventBus, type EventSource } from "../../src/events/event-bus.ts";
import type { CareEvent } from "../../src/domain/events.ts";

const COUNT = 20;
const SLOW_MS = 2;

test("a flood of events keeps no timer waiting until all of them were delivered", async () => {
  const { source, heard } = slowly();
  const timer = Promise.withResolvers<number>();
  setTimeout(() => timer.resolve(heard.length));
  for (let forMs = 1; forMs <= COUNT; forMs++) source.emit({ type: "process.stalled", forMs });
  expect(heard).toEqual([]);
  expect(await timer.promise).toBeLessThan(COUNT);
  while (heard.length < COUNT) await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
});

test("what waits does not grow without end where a turn has time for one event alone", async () => {
  const { source, heard } = slowly(6);
  let emitted = 0;
  // Three come for each that a turn has time for.
  for (let turn = 0; turn < 100; turn++) {
    for (let count = 0; count < 3; count++) source.emit({ type: "process.stalled", forMs: ++emitted });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(emitted - heard.length).toBeLessThan(100);
});

test("who asks has everything delivered at once, and once", async () => {
  const { source, heard } = slowly();
  for (let forMs = 1; forMs <= COUNT; forMs++) source.emit({ type: "process.stalled", forMs });
  expect(source.since(0)).toHaveLength(COUNT);
  expect(heard).toHaveLength(COUNT);
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toHaveLength(COUNT);
});

test("good checks are delivered at once, but not before what was emitted earlier", () => {
  const { bus, source, checked } = slowly();
  const check = (latencyMs: number): CareEvent => {
    return {
      type: "realServer.probed",
      server: "10.0.0.1:80",
      verdict: { passed: true, reason: "status 200", latencyMs },
    };
  };
  source.emit(check(1));
  expect(checked).toEqual([1]);
  source.emit({ type: "process.stalled", forMs: 1 });
  source.emit(check(2));
  expect(checked).toEqual([1]);
  bus.catchUp();
  expect(checked).toEqual([1, 2]);
});

test("a round with nothing to do is delivered at once, one that did something or failed is not", () => {
  const { bus, source, rounds } = slowly();
  const quiet: CareEvent = { type: "plan.applied", operations: [], repairs: [], complete: true };
  const service = { protocol: "tcp", endpoint: { family: "ipv4", address: "10.0.0.1", port: 80 } } as const;
  source.emit(quiet);
  expect(rounds).toEqual([quiet]);
  const wrote: CareEvent = { ...quiet, operations: [{ kind: "service.delete", service }] };
  source.emit(wrote);
  expect(rounds).toEqual([quiet]);
  bus.catchUp();
  const failed: CareEvent = { ...quiet, complete: false };
  source.emit(failed);
  expect(rounds).toEqual([quiet, wrote]);
  bus.catchUp();
  expect(rounds).toEqual([quiet, wrote, failed]);
});

test("what happens to the process is told for each virtual server, with the same id, until it is gone", () => {
  const { bus, source } = slowly();
  const count: string[] = [];
  const second = bus.open({
    logger: SILENT,
    virtualServer: () => ({ protocol: "tcp", address: "10.0.0.1:80" }),
    nameOf: () => undefined,
    culprit: () => "",
    count: ({ type }) => count.push(type),
  });
  source.emit({ type: "realServer.held", server: "10.0.0.1:80", hold: undefined });
  bus.emit({ type: "process.stalled", forMs: 1000 });
  source.emit({ type: "realServer.held", server: "10.0.0.2:80", hold: undefined });
  const idsOf = (one: EventSource, after = 0): unknown => one.since(after).map(({ id, type }) => [id, type]);
  expect(idsOf(source)).toEqual([
    [1, "realServer.held"],
    [2, "process.stalled"],
    [3, "realServer.held"],
  ]);
  expect(idsOf(source, 1)).toEqual([
    [2, "process.stalled"],
    [3, "realServer.held"],
  ]);
  expect(idsOf(second)).toEqual([[2, "process.stalled"]]);
  expect(second.ownSince(0)).toEqual([]);
  expect(count).toEqual(["process.stalled"]);
  second.close();
  bus.emit({ type: "process.stalled", forMs: 1000 });
  bus.catchUp();
  expect(count).toHaveLength(1);
});

// --- internal ---

const nothing = (): undefined => undefined;
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A bus with a listener that takes its time. */
function slowly(slowMs = SLOW_MS): {
  readonly bus: EventBus;
  readonly source: EventSource;
  readonly heard: readonly number[];
  /** Good checks by their latency. */
  readonly checked: readonly number[];
  readonly rounds: readonly CareEvent[];
} {
  const bus = new EventBus({ logger: SILENT, now: () => 0, timeOfDay: (ms) => new Date(ms) });
  const source = bus.open({
    logger: SILENT,
    virtualServer: () => ({ protocol: "tcp", address: "10.0.0.1:80" }),
    nameOf: () => undefined,
    culprit: () => "",
    count: nothing,
  });
  const heard: number[] = [];
  const checked: number[] = [];
  const rounds: CareEvent[] = [];
  bus.join((event: CareEvent) => {
    const untilMs = performance.now() + slowMs;
    while (performance.now() < untilMs);
    if (event.type === "process.stalled") heard.push(event.forMs);
    if (event.type === "realServer.probed") checked.push(event.verdict.latencyMs);
    if (event.type === "plan.applied") rounds.push(event);
  });
  return { bus, source, heard, checked, rounds };
}
