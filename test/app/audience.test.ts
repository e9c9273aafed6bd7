import { expect, test } from "bun:test";
import { Audience } from "../../src/app/audience.ts";
import type { CareEvent } from "../../src/domain/events.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

const COUNT = 20;
const SLOW_MS = 2;

test("a flood of events keeps no timer waiting until all of them were heard", async () => {
  const { audience, heard } = slowly();
  const timer = Promise.withResolvers<number>();
  setTimeout(() => timer.resolve(heard.length));
  for (let forMs = 1; forMs <= COUNT; forMs++) audience.tell({ type: "process.stalled", forMs });
  expect(heard).toEqual([]);
  expect(await timer.promise).toBeLessThan(COUNT);
  while (heard.length < COUNT) await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
});

test("whoever asks has everything heard at once, and once", async () => {
  const { audience, heard } = slowly();
  for (let forMs = 1; forMs <= COUNT; forMs++) audience.tell({ type: "process.stalled", forMs });
  expect(audience.events(0)).toHaveLength(COUNT);
  expect(heard).toHaveLength(COUNT);
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toHaveLength(COUNT);
});

test("good checks are heard at once, but not before what was told earlier", () => {
  const { audience, checked } = slowly();
  const check = (latencyMs: number): CareEvent => {
    return {
      type: "realServer.probed",
      server: "10.0.0.1:80",
      verdict: { passed: true, reason: "status 200", latencyMs },
    };
  };
  audience.tell(check(1));
  expect(checked).toEqual([1]);
  audience.tell({ type: "process.stalled", forMs: 1 });
  audience.tell(check(2));
  expect(checked).toEqual([1]);
  audience.catchUp();
  expect(checked).toEqual([1, 2]);
});

test("whoever asks for metrics takes the largest lag from nobody else", () => {
  const { audience } = slowly();
  audience.noteLag(30);
  audience.noteLag(10);
  for (let scrape = 0; scrape < 2; scrape++)
    expect(audience.metrics(STATUS)).toContain('lvscare_event_loop_lag_seconds{virtual_server="10.96.0.1:443"} 0.03\n');
});

// --- internal ---

const STATUS: VirtualServerStatus = {
  address: "10.96.0.1:443",
  protocol: "tcp",
  scheduler: "rr",
  dataPlane: { kind: "ipvs", via: "libnl" },
  stats: NO_TRAFFIC,
  realServers: [],
};

/** An audience with one that takes its time. */
function slowly(): {
  readonly audience: Audience;
  readonly heard: readonly number[];
  /** Good checks by their latency. */
  readonly checked: readonly number[];
} {
  const nothing = (): undefined => undefined;
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const audience = new Audience({ logger, culprit: () => "", now: () => 0, timeOfDay: (ms) => new Date(ms) });
  const heard: number[] = [];
  const checked: number[] = [];
  audience.join((event: CareEvent) => {
    const untilMs = performance.now() + SLOW_MS;
    while (performance.now() < untilMs);
    if (event.type === "process.stalled") heard.push(event.forMs);
    if (event.type === "realServer.probed") checked.push(event.verdict.latencyMs);
  });
  return { audience, heard, checked };
}
