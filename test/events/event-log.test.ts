import { describe, expect, test } from "bun:test";
import { createEventLog } from "../../src/events/event-log.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { CareEvent } from "../../src/domain/events.ts";
import type { Logger } from "../../src/domain/logger.ts";
import { realServer } from "../../src/domain/virtual-server.ts";

const A = realServer(parseEndpoint("10.0.0.1:80"));
const refused: CareEvent = {
  type: "realServer.probed",
  server: "10.0.0.1:80",
  verdict: { passed: false, reason: "connect refused", latencyMs: 0.3 },
};
const passed = {
  type: "realServer.probed",
  server: "10.0.0.1:80",
  verdict: { passed: true, reason: "status 200", latencyMs: 12 },
} as const satisfies CareEvent;
const failing: CareEvent = {
  type: "plan.failed",
  error: new LvscareError("KERNEL_REFUSED", "the kernel refused with EBUSY"),
  attempt: 1,
  retryInMs: 200,
};

describe("event log", () => {
  test("tells each transition once, with its reason, at INFO", () => {
    expect(
      logOf({
        type: "realServer.healthChanged",
        server: "10.0.0.1:80",
        from: "healthy",
        to: "draining",
        reason: "status 503",
      }),
    ).toEqual(["INFO real server 10.0.0.1:80 healthy → draining: status 503"]);
  });

  test("tells every good check at DEBUG, and a failure that stays the same only once", () => {
    expect(logOf(passed, refused, refused, refused, passed, refused)).toEqual([
      "DEBUG probe of 10.0.0.1:80 passed in 12ms: status 200",
      "DEBUG probe of 10.0.0.1:80 failed in 0.3ms: connect refused",
      "DEBUG probe of 10.0.0.1:80 passed in 12ms: status 200",
      "DEBUG probe of 10.0.0.1:80 failed in 0.3ms: connect refused",
    ]);
  });

  test("tells of another configuration in one line, and of who goes by it", () => {
    const change = {
      scheduler: { from: "rr", to: "wrr" },
      added: ["10.0.0.4:80"],
      removed: [],
      weights: [],
      edited: [],
      drained: [],
      undrained: [],
      policy: ["fall"],
    } as const;
    expect(
      logOf(
        { type: "virtualServer.configured", change, probe: true, returned: false },
        { type: "virtualServer.configured", change: undefined, probe: false, returned: true },
        { type: "virtualServer.withdrawn", servers: 3 },
        { type: "realServer.departed", server: "10.0.0.2:80" },
      ),
    ).toEqual([
      "INFO configured: scheduler rr → wrr, 10.0.0.4:80 added, policy (fall), the probe, on trial",
      "INFO configured: again, before it was gone",
      "INFO no longer configured: its real servers (3) drain, then it is deleted",
      "INFO real server 10.0.0.2:80 is no longer configured, has drained and is gone",
    ]);
  });

  test("warns of a changed probe that fails everywhere, and tells when it decides", () => {
    expect(
      logOf(
        { type: "probe.suspicious", servers: ["10.0.0.1:80", "10.0.0.2:80"], reason: "status 404" },
        { type: "probe.accepted", passed: 1, failed: 1 },
        { type: "probe.accepted", passed: 0, failed: 0 },
      ),
    ).toEqual([
      "WARN the changed probe lets no real server serve (status 404): the one before it goes on deciding for 2 of them, until the probe is corrected or passes somewhere",
      "INFO the changed probe decides from now on: 1 passed it, 1 failed it",
      "INFO the changed probe decides from now on",
    ]);
  });

  test("tells of a server that answers neither its clients nor a check, and that it answers again", () => {
    expect(
      logOf(
        { type: "realServer.unanswered", server: "10.0.0.1:80", afterMs: 120 },
        { type: "realServer.answered", server: "10.0.0.1:80" },
      ),
    ).toEqual([
      "WARN real server 10.0.0.1:80 answers neither its clients nor a check within 120ms: no new clients for it while another one serves",
      "INFO real server 10.0.0.1:80 answers again",
    ]);
  });

  test("tells where the time of a check went, as far as it is known", () => {
    const verdict = { ...passed.verdict, timings: { connectMs: 1, tlsMs: 8.5, firstByteMs: 2 } };
    expect(logOf({ ...passed, verdict })).toEqual([
      "DEBUG probe of 10.0.0.1:80 passed in 12ms (connect 1ms, TLS 8.5ms, first byte 2ms): status 200",
    ]);
  });

  test("tells of a want of descriptors once, though checks over kept connections go on, and anew when it was over", () => {
    const want = { type: "realServer.unchecked", server: "10.0.0.1:80", reason: "too many open files" } as const;
    const nine = Array.from({ length: 9 }, () => passed);
    const warnings = logOf(want, ...nine, want, want, ...nine, want, ...nine, passed, want).filter((line) =>
      line.startsWith("WARN"),
    );
    expect(warnings).toEqual(
      Array<string>(2).fill(
        "WARN 10.0.0.1:80 and perhaps others cannot be checked, and stay as they are: too many open files",
      ),
    );
  });

  test("warns of repairs and whispers of its own writes", () => {
    const add = { kind: "server.add", server: A } as const;
    const update = { kind: "server.update", server: A, from: { ...A, weight: 5 } } as const;
    expect(logOf({ type: "plan.applied", operations: [add, update], repairs: [update], complete: true })).toEqual([
      "DEBUG add real server 10.0.0.1:80 weight 1",
      "WARN repaired what someone else changed: set real server 10.0.0.1:80 weight 5 → 1",
    ]);
  });

  test("tells what taking over replaced, and who is sent away for not being listed", () => {
    const weight = { kind: "server.update", server: A, from: { ...A, weight: 5 } } as const;
    const drain = { kind: "server.update", server: { ...A, weight: 0 }, from: A } as const;
    expect(
      logOf(
        { type: "virtualServer.adopted", existed: true, states: { "10.0.0.1:80": "healthy" } },
        { type: "plan.applied", operations: [weight, drain], repairs: [], complete: true },
        { type: "realServer.unlisted", server: "10.0.0.9:80", weight: 3 },
        // By then it is a slow start, or an operator's wish.
        { type: "plan.applied", operations: [weight], repairs: [], complete: true },
        // What stands is unknown again.
        { type: "plan.failed", error: new Error("no"), attempt: 1, retryInMs: 100 },
        { type: "plan.applied", operations: [weight], repairs: [], complete: true },
      ),
    ).toEqual([
      "INFO took over the table: 1 healthy",
      "INFO was otherwise in the table: set real server 10.0.0.1:80 weight 5 → 1",
      "DEBUG set real server 10.0.0.1:80 weight 1 → 0",
      "INFO real server 10.0.0.9:80 (weight 3) is not listed: draining it, then removing it",
      "DEBUG set real server 10.0.0.1:80 weight 5 → 1",
      "WARN no; trying again in 100ms",
      "INFO writing to the data plane works again",
      "INFO was otherwise in the table: set real server 10.0.0.1:80 weight 5 → 1",
    ]);
  });

  test("tells fail-open and its end, and who keeps undoing its work", () => {
    expect(
      logOf(
        { type: "failOpen.entered", healthy: 1, total: 3, retained: ["10.0.0.1:80", "10.0.0.2:80"] },
        { type: "failOpen.left", healthy: 2, total: 3 },
        { type: "repairs.recurring", repairs: 3, withinMs: 60_000, last: [] },
      ),
    ).toEqual([
      "WARN fail-open: only 1 of 3 real servers are healthy, so these stay in service: 10.0.0.1:80, 10.0.0.2:80",
      "INFO fail-open is over: 2 of 3 real servers are healthy",
      "WARN somebody keeps undoing this daemon's work (3 repairs in 1m): it was the butler",
    ]);
  });

  test("tells the last resort and its end, be it for the better or not", () => {
    expect(
      logOf(
        { type: "lastResort.entered", total: 3, retained: ["10.0.0.1:80", "10.0.0.2:80"] },
        { type: "lastResort.left", healthy: 1, total: 3 },
        { type: "lastResort.left", healthy: 0, total: 3 },
      ),
    ).toEqual([
      "WARN last resort: none of 3 real servers is healthy, so these stay in service, which still accept connections: 10.0.0.1:80, 10.0.0.2:80",
      "INFO the last resort is over: 1 of 3 real servers are healthy",
      "INFO the last resort is over",
    ]);
  });

  test("tells that nobody is left for clients, and that it is over", () => {
    const virtualServer = "tcp 10.0.0.9:80";
    expect(
      logOf({ type: "virtualServer.emptied", virtualServer }, { type: "virtualServer.refilled", virtualServer }),
    ).toEqual([
      "WARN nobody is in service behind tcp 10.0.0.9:80: clients are not served",
      "INFO somebody is in service behind tcp 10.0.0.9:80 again",
    ]);
  });

  test("does not take half a success for the end of a failure", () => {
    const half: CareEvent = { type: "plan.applied", operations: [], repairs: [], complete: false };
    expect(logOf(failing, half, failing)).toEqual(["WARN the kernel refused with EBUSY; trying again in 200ms"]);
  });

  test("tells a lasting failure once, and its end", () => {
    const applied: CareEvent = { type: "plan.applied", operations: [], repairs: [], complete: true };
    expect(logOf(failing, failing, failing, applied, applied)).toEqual([
      "WARN the kernel refused with EBUSY; trying again in 200ms",
      "INFO writing to the data plane works again",
    ]);
  });
});

// --- internal ---

function logOf(...events: readonly CareEvent[]): string[] {
  const lines: string[] = [];
  const at =
    (level: string): Logger["debug"] =>
    (message) =>
      lines.push(`${level} ${typeof message === "string" ? message : message()}`);
  const tell = createEventLog(
    { debug: at("DEBUG"), info: at("INFO"), warn: at("WARN"), error: at("ERROR") },
    () => "it was the butler",
  );
  for (const event of events) tell(event);
  return lines;
}
