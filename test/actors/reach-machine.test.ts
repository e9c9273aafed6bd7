import { afterEach, describe, expect, test } from "bun:test";
import { createActor, fromCallback, fromPromise } from "xstate";
import { createReachMachine, type HostChanged, type ReachActor } from "../../src/actors/reach-machine.ts";
import type { ObjectReport } from "../../src/actors/reconcile-reach.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { ReachEvent } from "../../src/domain/events.ts";
import type { ServiceKey } from "../../src/domain/virtual-server.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

const INTERVAL = 5000;
const KEY: ServiceKey = { protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") };

const started: ReachActor[] = [];
afterEach(() => {
  for (const actor of started.splice(0)) actor.stop();
});

describe("reach", () => {
  test("looks at everything once an interval, and when the host changed", async () => {
    const { clock, looks, change } = start([{ name: "the route", outcome: "stood" }]);
    await clock.advance(2.5 * INTERVAL);
    expect(looks()).toBe(3);
    change();
    await clock.advance(100);
    expect(looks()).toBe(4);
  });

  test("tells once what is left as it is, does not try harder for it, and hears when somebody else mends it", async () => {
    const error = new LvscareError("NOT_PERMITTED", "this process may not (EROFS)");
    const reports: ObjectReport[] = [{ name: "a setting", outcome: "left", deviation: "is 0", error }];
    const { clock, looks, told, standing } = start(reports);
    await clock.advance(2.5 * INTERVAL);
    expect([looks(), told()]).toEqual([3, [{ type: "reach.left", object: "a setting", deviation: "is 0", error }]]);
    expect(standing()).toMatchObject([{ state: "left", problem: "left as it is (0): this process may not (EROFS)" }]);
    reports.splice(0, 1, { name: "a setting", outcome: "stood" });
    await clock.advance(INTERVAL);
    expect(told().slice(1)).toEqual([{ type: "reach.established", object: "a setting", made: false }]);
    expect(standing()).toMatchObject([{ state: "stands", problem: undefined }]);
  });

  test("rests for good where there is nothing to look at", async () => {
    const { clock, looks } = start([]);
    await clock.advance(10 * INTERVAL);
    expect(looks()).toBe(1);
  });

  test("looks again where a change came while it found nothing to look at", async () => {
    const { clock, looks, change } = start([]);
    change();
    await clock.advance(INTERVAL);
    expect(looks()).toBe(2);
  });
});

// --- internal ---

function start(reports: readonly ObjectReport[]) {
  const clock = new VirtualClock();
  let looks = 0;
  let change = (): void => undefined;
  const machine = createReachMachine({
    reconcile: fromPromise(() => {
      looks++;
      return Promise.resolve(reports);
    }),
    watchHost: fromCallback<HostChanged, ServiceKey>(({ sendBack }) => {
      change = () => sendBack({ type: "host.changed" });
    }),
  });
  const input = { key: KEY, intervalMs: INTERVAL, now: clock.now };
  const actor = createActor(machine, { clock, input }).start();
  const events: ReachEvent[] = [];
  actor.on("*", (event) => void events.push(event));
  started.push(actor);
  actor.send({ type: "begin" });
  return {
    clock,
    looks: () => looks,
    change: () => change(),
    told: () => [...events],
    standing: () => actor.getSnapshot().context.objects,
  };
}
