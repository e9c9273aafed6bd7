import { Dice } from "./dice.ts";
import { randomProbes, randomReloads, type Reload } from "./random-reloads.ts";

/** A scenario as a file holds it. */
export interface ScenarioDocument {
  readonly care: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly probes?: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly duration: string;
  readonly "requests-per-second"?: number;
  readonly "connections-last"?: string;
  readonly seed: number;
  /** What no file can hold: a status by which a server says that it is shutting down, and one whose failure counts at once. */
  readonly leavingStatus?: number;
  readonly fatalStatus?: number;
  /** The same: other configurations while it runs. */
  readonly reloads?: readonly Reload[];
}

const SERVERS = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];
const STRANGERS = ["10.0.0.8:80", "10.0.0.9:80"];

/** What schedules have besides: each with dice of its own, so that the others stay the same. */
export interface Besides {
  /** Some servers are odd in how they treat connections, all the time. */
  readonly hasManners?: boolean;
  /** In one of three, the configuration changes meanwhile. */
  readonly isReloaded?: boolean;
  /** In half of those, the probe does so, too. */
  readonly isReprobed?: boolean;
  /** In one of three, several checks decide together. */
  readonly isCombined?: boolean;
}

export const EVERYTHING: Besides = { isReloaded: true, isReprobed: true, isCombined: true };

/** Disturbances for about twelve intervals, then none: any mixture of options and faults, the same for the same seed. */
export function randomScenario(
  seed: number,
  { hasManners = true, isReloaded = false, isReprobed = false, isCombined = false }: Besides = {},
): ScenarioDocument {
  const dice = new Dice(seed);
  const servers = SERVERS.slice(0, dice.from(1, 4));
  const intervalMs = dice.pick([500, 1000, 1000, 2000, 5000]);
  const troubleMs = dice.from(6, 14) * intervalMs;
  const care = randomOptions(dice, servers, intervalMs);
  // Dice of their own: what the others throw stays the same for the same seed.
  const common = new Dice(~seed);
  const hasLastResort = common.chance(0.75);
  const manners = new Dice(seed ^ 0x5bd1_e995);
  const lists = isReloaded ? randomReloads(new Dice(seed ^ 0x2545_f491), servers, intervalMs, troubleMs) : [];
  const hasClients = care["drain"] === "connections" || dice.chance(0.2);
  // What fail-open makes of one that says goodbye is not asked of schedules.
  const words = new Dice(seed ^ 0x1b87_3593);
  const checks = new Dice(seed ^ 0x3c6e_f372);
  const probes = isCombined && checks.chance(1 / 3) ? randomChecks(checks, care, intervalMs) : undefined;
  const others = new Dice(seed ^ 0x27d4_eb2f);
  const isTried = isReprobed && lists.length > 0 && probes === undefined && others.chance(0.5);
  const changes = isTried ? inTime([...lists, ...randomProbes(others, troubleMs)]) : lists;
  // Nothing but a probe can be to blame when it is taken out.
  const blameless = isTried && others.chance(0.6) ? others.pick(servers) : undefined;
  const reloads = blameless === undefined ? changes : changes.map((reload) => leavingAlone(blameless, reload));
  const hasWords = hasManners && reloads.length === 0 && care["panic-threshold"] === undefined && probes === undefined;
  return {
    ...(hasWords && words.chance(0.5) && { leavingStatus: 404 }),
    ...(hasWords && words.chance(0.2) && { fatalStatus: 500 }),
    care: {
      ...(probes === undefined ? care : withoutChecks(care)),
      ...(!hasLastResort && { "last-resort": false }),
      ...(hasManners && manners.chance(0.5) && { sentinel: true }),
      ...(hasManners && manners.chance(0.1) && probes === undefined && { "health-fresh-connection": true }),
    },
    ...(probes && { probes }),
    events: inOrder(
      withManners(hasManners ? manners : undefined, servers, intervalMs, troubleMs, [
        ...randomEvents(dice, servers, intervalMs, troubleMs),
        ...commonCause(common, servers, intervalMs, troubleMs),
      ]).filter(({ text }) => blameless === undefined || !text.split(" ").includes(blameless)),
    ),
    // Whoever runs it lengthens it by the time that settling takes.
    duration: `${troubleMs}ms`,
    ...(hasClients && { "requests-per-second": 20, "connections-last": `${dice.from(1, 6) * intervalMs}ms` }),
    seed: seed % 2 ** 32,
    ...(reloads.length > 0 && { reloads }),
  };
}

// --- internal ---

function randomOptions(dice: Dice, servers: readonly string[], intervalMs: number): ScenarioDocument["care"] {
  const weight = dice.pick([1, 1, 5, 100]);
  const part = (factors: readonly number[]): string => `${Math.max(10, Math.round(intervalMs * dice.pick(factors)))}ms`;
  const slowStart = weight > 1 && dice.chance(0.4);
  const options = {
    vs: "10.96.0.1:443",
    rs: servers,
    weight,
    scheduler: slowStart || dice.chance(0.3) ? "wrr" : "rr",
    interval: `${intervalMs}ms`,
    "interval-fast": dice.maybe(() => part([0.1, 0.3, 1])),
    "interval-down": dice.maybe(() => part([0.5, 1, 2])),
    fall: dice.maybe(() => dice.from(1, 3)),
    rise: dice.maybe(() => dice.from(1, 3)),
    drain: dice.chance(0.3) ? "connections" : undefined,
    "drain-timeout": part([0.5, 2, 4]),
    "slow-start": slowStart ? part([0.5, 2, 4]) : undefined,
    "panic-threshold": dice.maybe(() => dice.pick([1, 34, 50, 67, 100])),
    "init-state": dice.chance(0.2) ? "up" : undefined,
    "keep-foreign": dice.chance(0.2) ? true : undefined,
    "health-timeout": part([0.8, 1, 1, 2]),
    "health-connect-timeout": part([0.3, 0.8]),
    "health-status": dice.chance(0.1) ? "503" : undefined,
    sentinel: dice.chance(0.5),
    "sentinel-timeout": dice.maybe(() => part([0.1, 0.5])),
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as ScenarioDocument["care"];
}

/** What is left of options where checks are described beside them. */
function withoutChecks(care: ScenarioDocument["care"]): ScenarioDocument["care"] {
  return Object.fromEntries(
    Object.entries(care).filter(([flag]) => !flag.startsWith("health-")),
  ) as ScenarioDocument["care"];
}

/** Two or three, at paces of their own. */
function randomChecks(
  dice: Dice,
  care: ScenarioDocument["care"],
  intervalMs: number,
): Readonly<Record<string, unknown>> {
  const times = { timeout: care["health-timeout"], "connect-timeout": care["health-connect-timeout"] };
  const check = (): Readonly<Record<string, unknown>> => ({
    ...(dice.chance(0.6) ? { type: "http", scheme: "http", path: "/" } : { type: "tcp" }),
    ...times,
    ...(dice.chance(0.3) && { fall: dice.from(1, 3) }),
    ...(dice.chance(0.3) && { rise: dice.from(1, 3) }),
    ...(dice.chance(0.3) && { interval: `${intervalMs * dice.pick([1.5, 2])}ms` }),
  });
  const all = Array.from({ length: dice.from(2, 3) }, check);
  return dice.pick([{ all }, { any: all }, { "at-least": Math.min(2, all.length), of: all }]);
}

/** By time; at the end every server goes on as it is, and the data plane works. */
function randomEvents(dice: Dice, servers: readonly string[], intervalMs: number, troubleMs: number): TimedEvent[] {
  const events: TimedEvent[] = [];
  const add = (atMs: number, text: string): void => void events.push({ atMs: Math.round(atMs), text });
  const some = (least: number, most: number): string =>
    `${Math.round(intervalMs * (least + dice.next() * (most - least)))}ms`;
  const behaviour = (): string =>
    dice.pick([
      "answers",
      "answers",
      "answers 503",
      "answers 404",
      "answers 204",
      "refuses",
      "refuses",
      "hangs",
      "vanishes",
      `answers in ${some(0.1, 0.6)}`,
    ]);
  const phases = (): string =>
    dice.chance(0.25)
      ? `answers for ${some(0.1, 3)}, ${dice.pick(["refuses", "vanishes", "hangs", "answers 503"])} for ${some(0.1, 3)}`
      : behaviour();

  if (dice.chance(0.4)) {
    for (const server of [...servers, ...STRANGERS]) {
      if (dice.chance(0.5)) add(0, `others put ${server} weight ${dice.pick([0, 1, 1, 3])}`);
    }
  }
  for (const server of servers) {
    if (dice.chance(0.2)) add(0, `${server} ${phases()}`);
    for (let count = dice.from(0, 3); count > 0; count--) add(dice.next() * troubleMs, `${server} ${phases()}`);
    add(troubleMs, `${server} ${dice.chance(0.65) ? "answers" : behaviour()}`);
  }
  const disturbances: (readonly [chance: number, event: () => string])[] = [
    [0.3, () => "others delete service"],
    [0.5, () => `others delete ${dice.pick([...servers, ...STRANGERS])}`],
    [0.6, () => `others put ${dice.pick([...servers, ...STRANGERS])} weight ${dice.from(0, 3)}`],
    [0.3, () => "data-plane refuses reads"],
    [0.4, () => "data-plane refuses writes"],
    [0.4, () => `data-plane refuses ${dice.pick([...servers, ...STRANGERS])}`],
    [0.5, () => `data-plane takes ${some(0.01, 0.8)}`],
    [0.5, () => "data-plane works"],
    [0.3, () => `daemon stalls ${some(0.2, 3)}`],
    [0.4, () => `daemon restarts after ${some(0, 2)}`],
  ];
  for (const [chance, event] of disturbances) {
    while (dice.chance(chance)) add(dice.next() * troubleMs, event());
  }
  add(troubleMs, "data-plane works");
  return events;
}

/** Something that all servers share breaks, and may be mended. */
function commonCause(dice: Dice, servers: readonly string[], intervalMs: number, troubleMs: number): TimedEvent[] {
  if (!dice.chance(0.4)) return [];
  const atMs = dice.next() * 0.7 * troubleMs;
  const symptom = dice.pick(["answers 503", "answers 500", "hangs"]);
  const broken = servers.map((server) => ({ atMs: Math.round(atMs), text: `${server} ${symptom}` }));
  if (dice.chance(0.3)) return broken;
  const mendedMs = Math.min(troubleMs, atMs + dice.from(2, 5) * intervalMs);
  return [...broken, ...servers.map((server) => ({ atMs: Math.round(mendedMs), text: `${server} answers` }))];
}

/** Of each server in three it is said whenever it answers how it treats connections. */
function withManners(
  dice: Dice | undefined,
  servers: readonly string[],
  intervalMs: number,
  troubleMs: number,
  events: readonly TimedEvent[],
): readonly TimedEvent[] {
  if (dice === undefined) return events;
  const some = (least: number, most: number): string =>
    `${Math.round(intervalMs * (least + dice.next() * (most - least)))}ms`;
  const manners = new Map<string, string>();
  const more: TimedEvent[] = [];
  for (const server of servers) {
    if (dice.chance(0.3)) {
      const manner = dice.pick([
        `closes-idle ${some(0.05, 3)}`,
        `over ${some(0.1, 0.6)}`,
        "one-at-a-time",
        `kept ${dice.pick([503, 404, 204])}`,
      ]);
      manners.set(server, manner);
      more.push({ atMs: 0, text: `${server} answers` });
    }
    while (dice.chance(0.2))
      more.push({ atMs: Math.round(dice.next() * troubleMs), text: `${server} answers half-open` });
  }
  return [...more, ...events].map(({ atMs, text }) => {
    const manner = manners.get(text.split(" ")[0] ?? "");
    if (manner === undefined) return { atMs, text };
    return { atMs, text: text.replaceAll(ANSWERS, manner.startsWith("over") ? `$1 ${manner}` : `$& ${manner}`) };
  });
}

const ANSWERS = /(answers(?: \d+)?)(?: in [^ ,]+)?/g;

interface TimedEvent {
  readonly atMs: number;
  readonly text: string;
}

/** It stays listed, and in service. */
function leavingAlone(server: string, reload: Reload): Reload {
  if (reload.kind !== "configure") return reload;
  const { servers, drained } = reload;
  return {
    ...reload,
    ...(servers && { servers: { [server]: 1, ...servers } }),
    ...(drained && { drained: drained.filter((one) => one !== server) }),
  };
}

function inTime(reloads: readonly Reload[]): readonly Reload[] {
  return reloads.toSorted((a, b) => a.atMs - b.atMs);
}

function inOrder(events: readonly TimedEvent[]): string[] {
  return events.toSorted((a, b) => a.atMs - b.atMs).map(({ atMs, text }) => `${atMs}ms ${text}`);
}
