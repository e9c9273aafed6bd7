import { describe, expect, test } from "bun:test";
import { createActor, fromCallback, fromPromise, type AnyActorRef } from "xstate";
import { probeLoopMachine, type ProbeInput, type ProbeResult } from "../../src/actors/probe-loop-machine.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const PASSED: ProbeOutcome = { passed: true, reason: "status 200", latencyMs: 1 };

describe("probe loop", () => {
  test("starts a probe each interval, counted from start to start", async () => {
    const { clock, startedAt } = run({ tookMs: 300 });
    await clock.advance(3500);
    expect(startedAt).toEqual([50, 1050, 2050, 3050]);
  });

  test("follows a probe that outlasts its interval with the next one at once, never with two", async () => {
    const { clock, startedAt } = run({ tookMs: 2500 });
    await clock.advance(8000);
    expect(startedAt).toEqual([50, 2550, 5050, 7550]);
  });

  test("probes at once when asked to", async () => {
    const { clock, startedAt, loop } = run({ tookMs: 10 });
    await clock.advance(500);
    loop.send({ type: "probeNow" });
    await clock.advance(1000);
    expect(startedAt).toEqual([50, 500, 1500]);
  });

  test("waits no longer than an interval, whatever the clock says", async () => {
    const clock = { behindMs: 0 };
    const { clock: timers, startedAt } = run({ tookMs: 20, now: (ms) => ms - clock.behindMs });
    await timers.advance(60);
    clock.behindMs = 3_600_000;
    await timers.advance(2000);
    expect(startedAt).toEqual([50, 1070]);
  });

  test("tells a probe that breaks as a failed one", async () => {
    const { clock, results } = run({ tookMs: 0, breaks: true });
    await clock.advance(100);
    expect(results).toEqual([
      { type: "probe.failed", verdict: { passed: false, reason: "probe broke: Error: on purpose", latencyMs: 0 } },
    ]);
  });

  test("tells a probe that could not be made as none", async () => {
    const { clock, results } = run({ tookMs: 0, outcome: { passed: undefined, reason: "out of ports", latencyMs: 0 } });
    await clock.advance(100);
    expect(results).toEqual([{ type: "check.skipped", reason: "out of ports" }]);
  });

  test("aborts the probe under way when it is stopped", async () => {
    const { clock, loop, signals } = run({ tookMs: 10_000 });
    await clock.advance(100);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    loop.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

// --- internal ---

function run({
  tookMs,
  breaks = false,
  outcome = PASSED,
  now = (ms) => ms,
}: {
  tookMs: number;
  breaks?: boolean;
  outcome?: ProbeOutcome;
  now?: (ms: number) => number;
}) {
  const clock = new VirtualClock();
  const startedAt: number[] = [];
  const signals: AbortSignal[] = [];
  const results: ProbeResult[] = [];
  const probe = fromPromise<ProbeOutcome, ProbeInput>(async ({ signal }) => {
    startedAt.push(clock.now());
    signals.push(signal);
    if (breaks) throw new Error("on purpose");
    await new Promise<void>((done) => clock.setTimeout(done, tookMs));
    return outcome;
  });
  const listener = createActor(
    fromCallback<ProbeResult>(({ receive }) => receive((result) => results.push(result))),
  ).start();
  const loop = createActor(probeLoopMachine.provide({ actors: { probe } }), {
    clock,
    input: {
      target: parseEndpoint("10.0.0.1:80"),
      listener: listener as AnyActorRef,
      intervalMs: 1000,
      firstDelayMs: 50,
      now: () => now(clock.now()),
    },
  }).start();
  return { clock, startedAt, signals, results, loop };
}
