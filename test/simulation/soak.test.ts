import { expect, test } from "bun:test";
import type { AnyActorRef } from "xstate";
import { careMachine } from "../../src/app/care-machine.ts";
import { readScenario } from "../../src/simulation/read-scenario.ts";
import { Simulation } from "../../src/simulation/simulation.ts";

test("a quarter of an hour of servers that come and go leaves no more actors and timers behind than a minute", async () => {
  const [minute, quarter] = [await holdingsAfter(60), await holdingsAfter(900)];
  expect(minute.transitions).toBeGreaterThan(10);
  expect(quarter.transitions).toBeGreaterThan(250);
  expect(minute.actors).toBeGreaterThan(6);
  expect(minute.timers).toBeGreaterThan(1);
  expect({ actors: quarter.actors, timers: quarter.timers }).toEqual({ actors: minute.actors, timers: minute.timers });
}, 120_000);

// --- internal ---

function scenario(seconds: number): string {
  return `
care:
  vs: 10.96.0.1:443
  rs: [10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80]
  weight: 10
  scheduler: wrr
  interval: 1s
  fall: 2
  rise: 2
  interval-fast: 200ms
  slow-start: 2s
  drain: connections
  drain-timeout: 3s
  panic-threshold: 50
  health-timeout: 800ms
  health-connect-timeout: 300ms
events:
  - 5s 10.0.0.1:80 answers for 9s, refuses for 8s
  - 5s 10.0.0.2:80 answers for 13s, hangs for 7s
  - 5s 10.0.0.3:80 answers for 7s, vanishes for 5s, answers 503 for 6s
  - ${seconds}s 10.0.0.1:80 answers
  - ${seconds}s 10.0.0.2:80 answers
  - ${seconds}s 10.0.0.3:80 answers
requests-per-second: 10
connections-last: 2s
duration: ${seconds + 60}s
`;
}

/** What there is once all is well again and nothing under way: the least of many looks. */
async function holdingsAfter(seconds: number) {
  const simulation = new Simulation(readScenario(scenario(seconds)), careMachine);
  const { clock } = simulation;
  const least = { transitions: 0, actors: Number.POSITIVE_INFINITY, timers: Number.POSITIVE_INFINITY };
  simulation.observe({ told: ({ type }) => void (least.transitions += type === "realServer.healthChanged" ? 1 : 0) });
  const look = (): void => {
    least.actors = Math.min(least.actors, actorsIn(simulation.daemon));
    least.timers = Math.min(least.timers, clock.armed);
    clock.setTimeout(look, 37);
  };
  clock.setTimeout(look, (seconds + 50) * 1000);
  await simulation.run();
  return least;
}

/** This one and all below it. */
function actorsIn(actor: AnyActorRef | undefined): number {
  if (actor === undefined) return 0;
  const { children = {} } = actor.getSnapshot() as { readonly children?: Readonly<Record<string, AnyActorRef>> };
  return 1 + Object.values(children).reduce((sum, child) => sum + actorsIn(child), 0);
}
