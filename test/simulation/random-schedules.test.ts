import { describe, expect, test } from "bun:test";
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { ProbeTrial } from "../../src/actors/probe-trial.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import type { Operation } from "../../src/domain/plan.ts";
import type { RealServer } from "../../src/domain/virtual-server.ts";
import type { CheckSchedule } from "../../src/probe/schedule/check-schedule.ts";
import { careMachine } from "../../src/app/care-machine.ts";
import type { CareMachine } from "../../src/simulation/simulation.ts";
import { NEWCOMERS } from "./random-reloads.ts";
import { EVERYTHING, randomScenario, type Besides, type ScenarioDocument } from "./random-scenario.ts";
import { toYaml, violationsOf, type Fault } from "./run-scenario.ts";
import type { SchedulesResult, SchedulesTask } from "./schedules-worker.ts";

const ASKED = process.env["LVSCARE_SIMULATION_SCHEDULES"];
/** Most are the same in each run: one that is rare and new is to be found on purpose, not to hold up whoever changed something else. */
const SAME = Number(ASKED ?? 200);
const FRESH = Number(ASKED ?? 100);
/** On a host that has much else to do. */
const LONGEST_MS = Math.max(600_000, SAME * 120);
const FIXED_SEED = 1;
/** Each of the faults shows in one of so many; when they were last looked for, in one of the first. */
const FAULTY_SCHEDULES = 500;
const SHOWING_SEEDS = [1, 5, 6, 13, 23, 51, 66, 91, 267, 69, 44, 89, 10, 9, 16, 50];
const FRESH_SEED = randomInt(2 ** 40);
/** Each has shown a fault once, of the daemon or of what is asked of it. */
const TELLING_SEEDS: readonly (readonly [seed: number, told: string])[] = [
  [530616704752, "whom others give a weight while it drains after fail-open drains anew"],
  [16046134578, "who drained after fail-open and was removed is no longer in service"],
  [308153091575, "who is well only while a round reads has no clients of that"],
  [6961, "whom others gave a weight may have clients, though it was seen without any"],
  [7555, "whom fail-open gave its weight back may have clients, though it was seen without any"],
  [795138966082, "who is well only while a round runs drains on from the end of fail-open"],
  [407, "who drained already when fail-open held it drains from the end of that on"],
  [1262, "and for as long as it has connections then"],
  [770834331333, "once the last resort holds somebody, who is in service, fail-open begins by itself"],
  [749014736736, "but not by one who climbs meanwhile"],
  [941437125278, "each end of a kept connection hurries a check, and a half-open one has more than one"],
  [6816, "and where that one is the only one, everyone is held once each was checked"],
];
/** The same, of connections: those from before had none that were odd, and are drawn as they were. */
const TELLING_SEEDS_OF_CONNECTIONS: typeof TELLING_SEEDS = [
  [500855, "a round whose write is refused began with what was known then"],
  [
    700961,
    "and one that has nothing to write and to read, too: of checks that time out at the same moment it may know the first",
  ],
  [849844516663, "and so may one that is refused its reading"],
  [702182, "who answers otherwise over a kept connection, and slowly over a new one, is given the time that it takes"],
];
/** The same, where the configuration changes meanwhile. */
const TELLING_SEEDS_OF_RELOADS: typeof TELLING_SEEDS = [
  [1846, "a round that began before somebody left still removes whom its checks want gone"],
  [1295, "and gives weights as it was to give them then"],
  [84, "who was listed no more before the table was taken over has never been cared for"],
  [100605, "and a virtual server that left before that drains all the same"],
  [300376, "whom others gave a weight since the table was read may be removed with it"],
  [687772561395, "a round that began before somebody was listed still removes whom nobody listed then"],
  [237469574773, "and gives no weight to whom its checks found well only since then"],
  [
    533757415873,
    "one that was taken over as healthy and failed once has proved itself when it passes, and others may leave",
  ],
];
/** The same, where the probe changes, too. */
const TELLING_SEEDS_OF_PROBES: typeof TELLING_SEEDS = [
  [555, "with nobody left on trial, a changed probe is the only one, whatever it finds"],
  [2319, "whom a wrong probe took out after a start has to come back before it is to blame for anything"],
  [500751, "and who never proved itself may have been held as a last resort"],
];
/** To look at one schedule again: its scenario is printed. */
const REPLAY = process.env["LVSCARE_SIMULATION_SEED"];

/** A test of the tests: daemons with one fault each, and the invariant that has to show it. */
const FAULTS: readonly (readonly [fault: string, rule: string, Fault])[] = [
  [
    "removes who has a weight",
    "removed without having been drained",
    withWrites((one) => (one.kind === "server.update" && one.server.weight === 0 ? [removalOf(one.server)] : [one])),
  ],
  [
    "removes whom it lowers at once",
    "one that fail-open had held went too early",
    withWrites((one) =>
      one.kind === "server.update" && one.server.weight === 0 ? [one, removalOf(one.server)] : [one],
    ),
  ],
  [
    "removes nobody",
    "not as desired when all was over",
    withWrites((one) => (one.kind === "server.remove" ? [] : [one])),
  ],
  [
    "never brings anybody back",
    "not as desired when all was over",
    withWrites((one) => (one.kind === "server.add" ? [] : [one])),
  ],
  ["halves weights", "a weight that healthy does not ask for", withWrites(halved)],
  ["halves weights", "fail-open did not hold", withWrites(halved)],
  ["does not wait for its writes", "two writers at once", { machine: hastyMachine }],
  ["never fails open", "fail-open did not begin", { policy: { panicThreshold: 0 } }],
  ["fails open at the first failure", "fail-open without need", { policy: { panicThreshold: 100 } }],
  ["takes no last resort", "the last resort did not begin", { policy: { lastResort: false } }],
  ["takes a last resort that it was told not to", "a last resort without need", { policy: { lastResort: true } }],
  ["halves weights", "the last resort did not hold", withWrites(halved)],
  ["takes a refusal for an answer", "a last resort without need", { machine: trustfulMachine }],
  ["falls and rises at once", "a transition that the state chart does not know", { policy: { fall: 1, rise: 1 } }],
  ["checks four times as often", "out of service again too soon", { machine: restlessMachine }],
  ["climbs at once", "a transition that the state chart does not know", { policy: { slowStartMs: 0 } }],
  ["waits for no connections", "a transition that the state chart does not know", { policy: { drain: "next-check" } }],
  ["waits for no connections", "one that fail-open had held was cut off", { policy: { drain: "next-check" } }],
];

/** The same, where the configuration changes meanwhile. */
const FAULTS_OF_RELOADS: typeof FAULTS = [
  [
    "removes whom it lowers at once",
    "one that left was cut off",
    withWrites((one) =>
      one.kind === "server.update" && one.server.weight === 0 ? [one, removalOf(one.server)] : [one],
    ),
  ],
  [
    "removes nobody",
    "not as configured when all was over",
    withWrites((one) => (one.kind === "server.remove" ? [] : [one])),
  ],
  [
    "changes no virtual server",
    "not as configured when all was over",
    withWrites((one) => (one.kind === "service.update" ? [] : [one])),
  ],
  [
    "makes a virtual server anew to change it",
    "the virtual server was deleted",
    withWrites((one) =>
      one.kind === "service.update"
        ? [
            { kind: "service.delete", service: one.service },
            { kind: "service.create", service: one.service },
          ]
        : [one],
    ),
  ],
  [
    "adds nobody who was not listed from the start",
    "nobody listed stands in for one that left",
    withWrites((one) =>
      one.kind === "server.add" && NEWCOMERS.includes(formatEndpoint(one.server.endpoint)) ? [] : [one],
    ),
  ],
];

/** The same, where the probe changes, too. */
const FAULTS_OF_PROBES: typeof FAULTS = [
  [
    "believes a changed probe and takes no last resort",
    "a good one was taken out while the probe changed",
    { ...withTrials(believed), policy: { lastResort: false } },
  ],
  ["believes a changed probe", "a probe that lets nobody serve was taken over", withTrials(believed)],
  [
    "does not listen to a changed probe",
    "a probe that lets somebody serve was not taken over",
    withTrials(() => undefined),
  ],
  [
    "does not listen to a changed probe",
    "a probe that would take out everybody is not suspicious",
    withTrials(() => undefined),
  ],
];

/** The same, where several checks decide together. */
const FAULTS_OF_COMBINATIONS: typeof FAULTS = [
  ["lets a server serve by any of its checks", "not as desired when all was over", { machine: contentMachine }],
];

describe.skipIf(REPLAY !== undefined)("the daemon keeps its promises", () => {
  test.each([
    ["the same", SAME, FIXED_SEED],
    ["fresh", FRESH, FRESH_SEED],
  ])(
    "in random schedules of faults, %s ones (%d, from seed %d)",
    async (_, schedules, firstSeed) => {
      expect(schedules).toBeGreaterThan(0);
      const broken = await runSchedules(firstSeed, schedules);
      for (const [seed, violations] of broken.slice(0, 5)) console.error(explain(seed, violations));
      expect(broken.map(([seed]) => seed)).toEqual([]);
    },
    LONGEST_MS,
  );

  test.each(TELLING_SEEDS)("in the schedule of seed %d: %s", async (seed) => {
    expect(await violationsOf(randomScenario(seed, { hasManners: false }))).toEqual([]);
  });

  test.each(TELLING_SEEDS_OF_CONNECTIONS)("in the schedule of seed %d: %s", async (seed) => {
    expect(await violationsOf(randomScenario(seed))).toEqual([]);
  });

  test.each(TELLING_SEEDS_OF_RELOADS)("in the schedule of seed %d: %s", async (seed) => {
    const document = randomScenario(seed, { isReloaded: true });
    expect(document.reloads).toBeDefined();
    expect(await violationsOf(document)).toEqual([]);
  });

  test.each(TELLING_SEEDS_OF_PROBES)("in the schedule of seed %d: %s", async (seed) => {
    const document = randomScenario(seed, EVERYTHING);
    expect(isReprobed(document)).toBe(true);
    expect(await violationsOf(document)).toEqual([]);
  });

  test.each([
    ...FAULTS.map((one) => [...one, {}] as const),
    ...FAULTS_OF_RELOADS.map((one) => [...one, { isReloaded: true }] as const),
    ...FAULTS_OF_PROBES.map((one) => [...one, { isReloaded: true, isReprobed: true }] as const),
    ...FAULTS_OF_COMBINATIONS.map((one) => [...one, { isCombined: true }] as const),
  ] as readonly (readonly [...(typeof FAULTS)[number], Besides])[])(
    "and one that %s is found out: %s",
    async (_, rule, fault, besides) => {
      const all = Array.from({ length: FAULTY_SCHEDULES }, (_one, index) => FIXED_SEED + index);
      for (const seed of new Set([...SHOWING_SEEDS, ...all])) {
        const document = randomScenario(seed, besides);
        // The others cannot show it.
        if (besides.isReprobed === true && !isReprobed(document)) continue;
        const violations = await violationsOf(document, fault);
        if (violations.some((line) => line.includes(`: ${rule}: `))) return;
      }
      throw new Error(`${FAULTY_SCHEDULES} schedules have not shown it`);
    },
    60_000,
  );
});

if (REPLAY !== undefined) {
  test("the schedule of the seed in LVSCARE_SIMULATION_SEED", async () => {
    const document = randomScenario(Number(REPLAY), EVERYTHING);
    console.error(toYaml(document));
    expect(await violationsOf(document)).toEqual([]);
  });
}

// --- internal ---

function isReprobed({ reloads = [] }: ScenarioDocument): boolean {
  return reloads.some(({ kind }) => kind === "reprobe");
}

async function runSchedules(firstSeed: number, schedules: number): Promise<SchedulesResult> {
  const threads = availableParallelism();
  const count = Math.ceil(schedules / threads);
  const parts = Array.from({ length: threads }, (_, index) => runPart({ firstSeed: firstSeed + index * count, count }));
  return (await Promise.all(parts)).flat();
}

async function runPart(task: SchedulesTask): Promise<SchedulesResult> {
  const worker = new Worker(new URL("schedules-worker.ts", import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<SchedulesResult>();
  worker.addEventListener("message", ({ data }: MessageEvent<SchedulesResult>) => resolve(data));
  worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  worker.postMessage(task);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

function explain(seed: number, violations: readonly string[]): string {
  const replay = `LVSCARE_SIMULATION_SEED=${seed} bun test --conditions=development test/simulation/random-schedules.test.ts`;
  return `seed ${seed}, to run it again: ${replay}\n${violations.map((line) => `  ${line}`).join("\n")}`;
}

function withWrites(change: (operation: Operation) => readonly Operation[]): Fault {
  return {
    machine: (dataPlane, schedule, observe) =>
      careMachine(
        withApply(dataPlane, (key, operations) => dataPlane.apply(key, operations.flatMap(change))),
        schedule,
        observe,
      ),
  };
}

/** Its trials of changed probes hear this. */
function withTrials(change: (outcome: ProbeOutcome) => ProbeOutcome | undefined): Fault {
  const breaks = (): Disposable => {
    const { heard } = ProbeTrial.prototype;
    ProbeTrial.prototype.heard = function (name, outcome) {
      const changed = change(outcome);
      if (changed !== undefined) heard.call(this, name, changed);
    };
    return { [Symbol.dispose]: () => void (ProbeTrial.prototype.heard = heard) };
  };
  return { breaks };
}

/** As if it let everybody serve: then it decides. */
function believed({ reason, latencyMs }: ProbeOutcome): ProbeOutcome {
  return { passed: true, reason, latencyMs };
}

function hastyMachine(...[dataPlane, schedule, observe]: Parameters<CareMachine>): ReturnType<CareMachine> {
  const hasty = withApply(dataPlane, (key, operations) => {
    void dataPlane.apply(key, operations).catch(() => undefined);
    return Promise.resolve([]);
  });
  return careMachine(hasty, schedule, observe);
}

function restlessMachine(...[dataPlane, schedule, observe]: Parameters<CareMachine>): ReturnType<CareMachine> {
  const restless: CheckSchedule = {
    add: (target, intervalMs, report) => {
      const check = schedule.add(target, intervalMs / 4, report);
      return {
        setInterval: (ms) => check.setInterval(ms / 4),
        probeNow: () => check.probeNow(),
        stop: () => check.stop(),
      };
    },
  };
  return careMachine(dataPlane, restless, observe);
}

/** Its machines are told that everybody takes connections. */
function trustfulMachine(...[dataPlane, schedule, observe]: Parameters<CareMachine>): ReturnType<CareMachine> {
  const trustful: CheckSchedule = {
    add: (target, intervalMs, report) =>
      schedule.add(target, intervalMs, (outcome, atMs) => {
        observe(formatEndpoint(target), outcome);
        if (outcome.passed !== false) return report(outcome, atMs);
        const { unreachable: _, ...accepted } = outcome;
        report(accepted, atMs);
      }),
  };
  return careMachine(dataPlane, trustful, () => undefined);
}

/** Its machines are told that all is well where one of several checks passes. */
function contentMachine(...[dataPlane, schedule, observe]: Parameters<CareMachine>): ReturnType<CareMachine> {
  const content: CheckSchedule = {
    add: (target, intervalMs, report) =>
      schedule.add(target, intervalMs, (outcome, atMs) => {
        const { latencyMs, checks = [] } = "checks" in outcome ? outcome : { latencyMs: outcome.latencyMs };
        const isUp = checks.some(({ state }) => state === "up");
        report(isUp ? { passed: true, atOnce: true, reason: "one is enough", latencyMs } : outcome, atMs);
      }),
  };
  return careMachine(dataPlane, content, observe);
}

function withApply(dataPlane: DataPlane, apply: DataPlane["apply"]): DataPlane {
  return {
    kind: dataPlane.kind,
    via: dataPlane.via,
    preflight: (service) => dataPlane.preflight(service),
    read: (key) => dataPlane.read(key),
    measure: (key) => dataPlane.measure(key),
    readAll: () => dataPlane.readAll(),
    apply,
    close: () => dataPlane.close(),
  };
}

function halved(operation: Operation): readonly Operation[] {
  if (operation.kind !== "server.add" && operation.kind !== "server.update") return [operation];
  const { server } = operation;
  return [{ ...operation, server: { ...server, weight: Math.ceil(server.weight / 2) } }];
}

function removalOf({ endpoint }: RealServer): Operation {
  return { kind: "server.remove", endpoint };
}
