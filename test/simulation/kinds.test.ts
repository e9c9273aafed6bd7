import { describe, expect, test } from "bun:test";
import { careMachine } from "../../src/app/care-machine.ts";
import { UsageError } from "../../src/config/usage-error.ts";
import type { SimulationReport } from "../../src/domain/simulation-report.ts";
import { createEventLog } from "../../src/events/event-log.ts";
import { readScenario } from "../../src/simulation/read-scenario.ts";
import { simulate } from "../../src/simulation/report.ts";

const HTTP = "{type: http, scheme: http, path: /ready, drain-on: [404]}";
const KUBE = "{type: kube-apiserver, kubeconfig: /etc/kubernetes/kubelet.conf}";
const BANNER = '{type: tcp, expect: {starts-with: "220 "}}';
const ASKED = '{type: tcp, send: "PING\\r\\n", expect: {contains: PONG}}';
const PROGRAM = "{type: exec, command: [/usr/bin/role], exit-code: weight}";
const JSON_PROGRAM = "{type: exec, command: [/usr/bin/role], output: json}";

const AGENT = "{type: agent, port: 9777, interval: 1s, stale-after: 5s}";

/** What its checks say while a server behaves so, and how long after that it had no weight. */
describe.each<[probe: string, behaviour: string, reason: string | undefined, outWithinMs: number | undefined]>([
  [HTTP, "leaves", "status 404: it is shutting down", 1000],
  [HTTP, "not-serving", "status 503", 3000],
  [HTTP, "answers 404", "status 404: it is shutting down", 1000],
  [KUBE, "leaves", "readyz: shutdown", 1000],
  [KUBE, "not-serving", "readyz: etcd", 3000],
  [KUBE, "answers 401", undefined, undefined],
  [KUBE, "answers 429", undefined, undefined],
  [KUBE, "answers 500", "status 500", 3000],
  [BANNER, "not-serving", "expected", 3000],
  [BANNER, "hangs", "timed out", 5000],
  [ASKED, "not-serving", "expected", 5000],
  [ASKED, "refuses", "connect refused", 3000],
  ["{type: tcp}", "refuses", "connect refused", 3000],
  ["{type: tcp}", "answers 500", undefined, undefined],
  ["{type: tls}", "refuses", "connect refused", 3000],
  ["{type: tls}", "answers 500", undefined, undefined],
  [PROGRAM, "weighs 0", undefined, 1500],
  [PROGRAM, "not-serving", "not serving", 3000],
  [PROGRAM, "hangs", "timed out after 2s", 6000],
  [JSON_PROGRAM, "not-serving", "not serving", 3000],
  [JSON_PROGRAM, "weighs 0", undefined, 1500],
  [AGENT, "leaves", undefined, 1500],
  [AGENT, "not-serving", "down", 1500],
  [AGENT, "weighs 0", undefined, 1500],
  // What it said before counts for a while, and then whether it takes connections.
  [AGENT, "refuses", "connect refused", 9000],
])("%s: a server that %s", (probe, behaviour, reason, outWithinMs) => {
  test("is out as fast as its checks tell, and back", async () => {
    const { realServers, timeline } = await run(probe, [`10s 10.0.0.2:80 ${behaviour}`, "30s 10.0.0.2:80 answers"]);
    const own = realServers.find(({ address }) => address === "10.0.0.2:80");
    const [fault] = own?.faults ?? [];
    if (outWithinMs === undefined) expect([own?.timesOut, fault]).toEqual([0, undefined]);
    else {
      expect(own?.timesOut).toBe(1);
      expect(fault?.outAfterMs).toBeLessThanOrEqual(outWithinMs);
      expect(fault?.backAfterMs).toBeDefined();
    }
    const text = timeline.map((entry) => entry.text).join("\n");
    if (reason !== undefined) expect(text).toContain(reason);
    // The others have nothing to do with it.
    expect(realServers.filter(({ timesOut }) => timesOut > 0).length).toBe(outWithinMs === undefined ? 0 : 1);
  });
});

test("a server that leaves serves on: no client notices", async () => {
  const { requests, timeline } = await run(
    KUBE,
    ["10s 10.0.0.2:80 leaves", "15s 10.0.0.2:80 refuses"],
    "requests-per-second: 50",
  );
  expect(requests).toMatchObject({ failed: 0 });
  expect(timeline.filter(({ text }) => text.includes("failed check"))).toEqual([]);
});

test("weights go to the table as checks ask for them", async () => {
  const { timeline } = await run(PROGRAM, ["10s 10.0.0.2:80 weighs 30", "20s 10.0.0.2:80 weighs 7"]);
  const text = timeline.map((entry) => entry.text).join("\n");
  expect(text).toMatch(/10\.0\.0\.2:80.* 30\b/);
  expect(text).toMatch(/10\.0\.0\.2:80.* 7\b/);
});

/** Several checks that decide together: each hears what it has a word for. */
describe.each<[probes: string, behaviour: string, reason: string | undefined, outWithinMs: number | undefined]>([
  [`{all: [${HTTP}, {type: tcp}]}`, "answers 500", "status 500", 3000],
  [`{any: [${HTTP}, {type: tcp}]}`, "answers 500", undefined, undefined],
  [`{any: [${HTTP}, {type: tcp}]}`, "refuses", "connect refused", 3000],
  [`{at-least: 2, of: [${HTTP}, {type: tcp}, ${PROGRAM}]}`, "answers 500", "status 500", 3000],
  [`{at-least: 2, of: [${HTTP}, {type: tcp}, {type: tls}]}`, "answers 500", undefined, undefined],
  [`{all: [{type: tcp}, ${AGENT}]}`, "not-serving", "down", 1500],
  [`{all: [{type: tcp}, ${AGENT}]}`, "weighs 0", undefined, 1500],
  [`{all: [${KUBE}, {type: tcp}]}`, "leaves", "readyz: shutdown", 1000],
  // Its own pace: three in a row, two seconds apart.
  [`{all: [{type: tcp}, {type: http, interval: 2s, fall: 3}]}`, "answers 500", "status 500", 7000],
])("%s: a server that %s", (probes, behaviour, reason, outWithinMs) => {
  test("is out as its checks decide together, and back", async () => {
    const events = [`  - 10s 10.0.0.2:80 ${behaviour}`, "  - 40s 10.0.0.2:80 answers"].join("\n");
    const care = '{vs: "10.0.0.1:80", rs: ["10.0.0.2:80", "10.0.0.3:80"], interval: 1s, fall: 2, scheduler: wrr}';
    const scenario = readScenario(`care: ${care}\nprobes: ${probes}\nduration: 70s\nevents:\n${events}\n`);
    const { realServers, timeline } = await simulated(scenario);
    const own = realServers.find(({ address }) => address === "10.0.0.2:80");
    const [fault] = own?.faults ?? [];
    expect(own?.timesOut).toBe(outWithinMs === undefined ? 0 : 1);
    expect(fault === undefined).toBe(outWithinMs === undefined);
    if (outWithinMs !== undefined) {
      expect(fault?.outAfterMs).toBeLessThanOrEqual(outWithinMs);
      expect(fault?.backAfterMs).toBeDefined();
    }
    if (reason !== undefined) expect(timeline.map((entry) => entry.text).join("\n")).toContain(reason);
    expect(realServers.filter(({ timesOut }) => timesOut > 0).length).toBe(outWithinMs === undefined ? 0 : 1);
  });
});

test.each([
  [
    "probes: {all: [{type: tcp}, {type: tls}]}",
    "leaves",
    "no server of type tcp says that it leaves; servers of type tls",
  ],
  ["probes: {all: [{type: tcp}, {type: http, port: 8080}]}", "answers", "probes: servers here have no other address"],
  ["probes: {all: [{type: tcp}, {type: smtp}]}", "answers", "smtp is none of"],
  ["probe: {type: tcp}\nprobes: {all: [{type: tcp}]}", "answers", "probe"],
])("%s: %s is refused: %s", (checks, behaviour, problem) => {
  const text = `care: {vs: "10.0.0.1:80", rs: ["10.0.0.2:80"]}\n${checks}\nevents: [10s 10.0.0.2:80 ${behaviour}]\n`;
  try {
    readScenario(text);
    throw new Error("it was taken");
  } catch (error) {
    expect(error instanceof UsageError ? error.problems.join("\n") : String(error)).toContain(problem);
  }
});

test("flags choose kinds, too", async () => {
  const scenario = readScenario(
    "care: {vs: '10.0.0.1:80', rs: ['10.0.0.2:80', '10.0.0.3:80'], health-schem: kube-apiserver}\nevents: [10s 10.0.0.2:80 leaves]",
  );
  expect((await simulated(scenario)).realServers[0]?.timesOut).toBe(1);
});

test.each([
  ["{type: http}", "leaves", "drain-on of the probe has to say by which status it does"],
  ["{type: http}", "weighs 3", "no check of this type asks for a weight"],
  [KUBE, "weighs 3", "no check of this type asks for a weight"],
  ["{type: tcp}", "not-serving", "nobody hears it without contains, starts-with or hex in expect"],
  ["{type: tcp}", "leaves", "no server of type tcp says that it leaves"],
  ["{type: tls}", "leaves", "servers of type tls say nothing of themselves"],
  [PROGRAM, "leaves", "a program asks for a weight of 0 instead: weighs 0"],
  [AGENT, "weighs 257", "no agent asks for more than 256"],
  [PROGRAM, "weighs 254", "no exit code asks for more than 253"],
  ["{type: exec, command: [/bin/true]}", "weighs 3", "no check of this type asks for a weight"],
  ["{type: tcp, expect: {regex: ab*}}", "answers", "servers here say literal texts"],
  ["{type: tcp, mark: 17}", "answers", "there is no source and no mark to ask from here"],
  ["{type: tcp, port: 8080}", "answers", "servers here have no other address or port to be asked at"],
  ["{type: smtp}", "answers", "probe.type: smtp is none of"],
  ["{type: exec, command: [true-ish]}", "answers", 'probe.command: "true-ish" is no absolute path'],
])("%s: %s is refused: %s", (probe, behaviour, problem) => {
  expect(() => readScenario(document(probe, [`10s 10.0.0.2:80 ${behaviour}`]))).toThrow(UsageError);
  try {
    readScenario(document(probe, [`10s 10.0.0.2:80 ${behaviour}`]));
  } catch (error) {
    expect(error instanceof UsageError ? error.problems.join("\n") : "").toContain(problem);
  }
});

// --- internal ---

function document(probe: string, events: readonly string[], more = ""): string {
  const list = events.map((event) => `  - ${event}\n`).join("");
  return `care: {vs: "10.0.0.1:80", rs: ["10.0.0.2:80", "10.0.0.3:80"], interval: 1s, fall: 2, scheduler: wrr}\nprobe: ${probe.replace("type:", "timeout: 2s, type:")}\nduration: 60s\n${more}\nevents:\n${list}`;
}

function run(probe: string, events: readonly string[], more?: string): Promise<SimulationReport> {
  return simulated(readScenario(document(probe, events, more)));
}

function simulated(scenario: ReturnType<typeof readScenario>): Promise<SimulationReport> {
  return simulate(scenario, { careMachine, eventLog: (logger) => createEventLog(logger, () => "others") });
}
