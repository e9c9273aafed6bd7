import { CARE_OPTION_ROWS } from "../../src/config/care-option-rows.ts";
import { locate } from "../../src/config/file/locate.ts";
import { parseDocument } from "../../src/config/file/parse-document.ts";
import { readConfig } from "../../src/config/file/read-config.ts";
import { readArgv } from "../../src/config/read-argv.ts";
import { resolveCareOptions } from "../../src/config/resolve-care-options.ts";
import { readKubeconfig } from "../../src/config/kubeconfig.ts";
import { UsageError } from "../../src/config/usage-error.ts";
import { readAnswer } from "../../src/control/client.ts";
import { readHead } from "../../src/control/http/request-head.ts";
import { Answers, type ControlVirtualServer } from "../../src/control/answers.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import { readPattern } from "../../src/domain/pattern.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { decodeDestination } from "../../src/netlink/ipvs/destination.ts";
import { decodeInfo } from "../../src/netlink/ipvs/requests.ts";
import { decodeService } from "../../src/netlink/ipvs/service.ts";
import { readMessages, readOutcome } from "../../src/netlink/messages.ts";
import { decodeRule } from "../../src/netlink/netfilter/nftables.ts";
import { decodeAddress } from "../../src/netlink/route/addresses.ts";
import { decodeLink } from "../../src/netlink/route/links.ts";
import { readChanges } from "../../src/netlink/route/notifications.ts";
import { decodeRoute } from "../../src/netlink/route/routes.ts";
import { interestIn, ResponseReader, type Reading } from "../../src/probe/http/response/response-reader.ts";
import { readHeaderLines } from "../../src/probe/http/secret-headers.ts";
import { encodeRequest } from "../../src/probe/http/request.ts";
import { ExpectationReader } from "../../src/probe/tcp/expectation.ts";
import { verdictOf } from "../../src/probe/exec/exec-prober.ts";
import { AgentMemory } from "../../src/probe/agent/agent-memory.ts";
import { LineReader } from "../../src/probe/agent/line-reader.ts";
import { readyzJudge } from "../../src/probe/kube-apiserver/readyz.ts";
import { seededRandom } from "../../src/simulation/seeded-random.ts";
import { CHECK_TARGETS } from "./check-targets.ts";
import { DISCOVERY_TARGETS } from "./discovery-targets.ts";
import { CAPTURED_NAMES, receivedBytes } from "../netlink/captured.ts";

/** Something that reads what others wrote: throws when it does anything with an input that it must not. */
export interface FuzzTarget {
  readonly name: string;
  /** It takes ten times as long as others: a tenth of their inputs have to do. */
  readonly isSlow?: boolean;
  run(dice: Dice): void | Promise<void>;
}

export class Dice {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  bytes(most: number): Uint8Array {
    return Uint8Array.from({ length: this.below(most + 1) }, () => this.below(256));
  }

  /** Something real with a few bytes changed, doubled, left out or cut off: it gets further than chance alone does. */
  mangled(original: Uint8Array): Uint8Array {
    let bytes = original.slice();
    for (let changes = this.below(5); changes > 0; changes--) {
      const at = this.below(bytes.length + 1);
      switch (this.below(4)) {
        case 0:
          if (at < bytes.length) bytes[at] = this.below(256);
          break;
        case 1:
          bytes = Uint8Array.of(...bytes.subarray(0, at), ...this.bytes(8), ...bytes.subarray(at));
          break;
        case 2:
          bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + this.below(8)));
          break;
        default:
          bytes = bytes.slice(0, at);
      }
    }
    return bytes;
  }
}

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: "the netlink reader", run: fuzzNetlink },
  { name: "the HTTP response reader", run: fuzzResponse },
  { name: "what is expected of a TCP server", run: fuzzExpectation },
  { name: "headers of a file", run: fuzzHeaderLines },
  { name: "regular expressions", run: fuzzPattern },
  { name: "kubeconfigs", run: fuzzKubeconfig },
  { name: "what an API server says of itself", run: fuzzReadyz },
  { name: "how a program ended", run: fuzzExec },
  { name: "what an agent says", run: fuzzAgent },
  ...CHECK_TARGETS,
  ...DISCOVERY_TARGETS,
  { name: "the HTTP request reader", run: fuzzRequest },
  { name: "the control protocol", run: fuzzControl },
  { name: "the option parser", isSlow: true, run: fuzzOptions },
  { name: "the configuration file", isSlow: true, run: fuzzConfig },
];

// --- internal ---

const DATAGRAMS = CAPTURED_NAMES.flatMap(receivedBytes).filter(({ length }) => length < 2000);
const DECODERS: readonly ((payload: Uint8Array) => unknown)[] = [
  decodeService,
  (payload) => decodeDestination(payload, "ipv6"),
  decodeInfo,
  decodeLink,
  decodeRule,
  decodeAddress,
  decodeRoute,
];

function fuzzNetlink(dice: Dice): void {
  const bytes = dice.below(4) === 0 ? dice.bytes(64) : dice.mangled(dice.pick(DATAGRAMS));
  const decode = dice.pick(DECODERS);
  onlyMalformed(() => readMessages(bytes).map(readOutcome));
  onlyMalformed(() => readChanges(bytes));
  onlyMalformed(() => readMessages(bytes).map(({ payload }) => decode(payload)));
}

function onlyMalformed(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof LvscareError) || error.code !== "MALFORMED_MESSAGE") throw error;
  }
}

const GREETINGS = ["SSH-2.0-OpenSSH_9.2p1\r\n", "220 mail ESMTP\r\n", "+PONG\r\n", "aaaaaaab", "\x1b[2J\0\r\n"];

/** However it is cut to pieces, it means what it means whole, and is told on one line. */
function fuzzExpectation(dice: Dice): void {
  const original = Buffer.from(dice.pick(GREETINGS), "latin1");
  const from = dice.below(original.length);
  const wanted = original.subarray(from, from + 1 + dice.below(original.length - from));
  const match = dice.below(2) === 0 ? "contains" : "starts-with";
  const withinBytes = wanted.length + dice.below(16);
  const reader = new ExpectationReader({ match, hex: wanted.toString("hex"), withinBytes });
  const said = Buffer.from(dice.mangled(Buffer.concat([dice.bytes(4), original])));
  let reading = "more";
  for (let at = 0; at < said.length;) {
    const next = at + 1 + dice.below(6);
    reading = reader.feed(said.subarray(at, next));
    at = next;
  }
  const counts = said.subarray(0, withinBytes);
  const isMet = match === "contains" ? counts.includes(wanted) : counts.subarray(0, wanted.length).equals(wanted);
  if ((reading === "met") !== isMet)
    throw new Error(`${reading}: ${counts.toString("hex")}, ${wanted.toString("hex")}`);
  if (!/^[\x20-\x7e…]*$/.test(reader.describe())) throw new Error(`not on one line: ${reader.describe()}`);
}

const PATTERNS = ["^ok$", "(a|b)*c?", "[^\\d\\s]{2,3}x+?", "(?i)re(ad)?y|\\x41\\.", "[]a-z-]+$"].map((text) =>
  new TextEncoder().encode(text),
);

/** Is read or refused in a line, says the same of a text and its pieces, and what the runtime's own say where those go no way back. */
function fuzzPattern(dice: Dice): void {
  const source = new TextDecoder("latin1").decode(dice.mangled(dice.pick(PATTERNS)));
  const pattern = readPattern(source);
  if ("problem" in pattern) {
    if (pattern.problem === "" || /\p{Cc}/u.test(pattern.problem))
      throw new Error(`not in a line: ${JSON.stringify(pattern.problem)}`);
    return;
  }
  const text = new TextDecoder("latin1").decode(dice.mangled(dice.pick(PATTERNS)));
  const search = pattern.search();
  const inPieces = [...text].some((piece) => search.feed(piece)) || search.end();
  if (pattern.isIn(text) !== inPieces) throw new Error(JSON.stringify([source, text, inPieces]));
}

const KUBECONFIG = new TextEncoder().encode(`apiVersion: v1
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: YWJj, tls-server-name: a.b}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
users: [{name: u, user: {client-certificate: pki/a.pem, client-key: /etc/a.key, token: a.b-c}}]
`);

/** Is read or refused, and names no path outside of what it says. */
function fuzzKubeconfig(dice: Dice): void {
  const read = readKubeconfig(new TextDecoder().decode(dice.mangled(KUBECONFIG)), "/etc/kubernetes");
  if ("problem" in read) {
    if (read.problem === "") throw new Error("refused without a word");
    return;
  }
  for (const stored of [read.authority, read.certificate, read.key, read.token])
    if (stored !== undefined && "file" in stored && !stored.file.startsWith("/"))
      throw new Error(`a path from nowhere: ${stored.file}`);
}

const TABLE = new TextEncoder().encode(
  "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nreadyz check failed\n",
);

/** Whatever an API server says, one verdict comes of it, on one line. */
function fuzzReadyz(dice: Dice): void {
  const judge = readyzJudge({ unauthorized: dice.pick(["alive", "fail"]) });
  const body = { bytes: Buffer.from(dice.mangled(TABLE)), isCut: dice.below(2) === 0 };
  const status = dice.pick([200, 301, 401, 403, 404, 429, 500, 500, 500, 503]);
  const asked = { method: "GET", path: dice.pick(["/readyz", "/healthz"]), body: "" };
  const target = { family: "ipv4", address: "10.0.0.1", port: 6443 } as const;
  const judgement = judge({ status, location: undefined, fields: new Map(), body }, asked, target);
  if (!("next" in judgement) && !/^[\x20-\x7e]{1,700}$/.test(judgement.reason)) throw new Error(judgement.reason);
}

const OUTPUTS = [
  "primary\n",
  "\n \n standby of 10.0.0.9 \n",
  "\u001b[31mred\u001b[0m",
  "x".repeat(300),
  '{"healthy": true, "weight": 10, "drain": false, "reason": "two\\nlines"}',
].map((text) => new TextEncoder().encode(text));

/** Whatever a program writes and however it ends, one verdict comes of it, on one line. */
function fuzzExec(dice: Dice): void {
  const output = Buffer.from(dice.mangled(dice.pick(OUTPUTS))).toString("utf8");
  const result = { exitCode: dice.pick([undefined, 0, 1, 2, 255]), output, isLate: dice.below(8) === 0 };
  const { reason, passed } = verdictOf(result, {
    exitCode: dice.pick(["health", "weight"]),
    output: dice.pick(["text", "json"]),
    timeoutMs: 1000,
  });
  if (reason === "" || reason.length > 225 || /\p{Cc}/u.test(reason)) throw new Error(JSON.stringify(reason));
  if (passed === true && result.isLate) throw new Error("late, and passed");
}

const AGENT_LINES = [
  "up ready 75%\n",
  "down #disk, full\r\nmore",
  "weight:30,maxconn:7\tDrain\n",
  "maint fail 0%\n",
].map((text) => new TextEncoder().encode(text));

const AGENT_WORD = /^(up|down|fail|stopped|ready|drain|maint|(weight:)?\d+%|weight:\d+|maxconn:\d+)$/i;

/** However an agent's line comes in, one outcome comes of it, on one line, and of known words alone. */
function fuzzAgent(dice: Dice): void {
  const padding = dice.below(4) === 0 ? " ".repeat(dice.below(1100)) : "";
  const line = Buffer.concat([Buffer.from(padding), dice.mangled(dice.pick(AGENT_LINES))]);
  const reader = new LineReader();
  let reading = "more";
  for (let at = 0; at < line.length && reading === "more";) {
    const next = at + 1 + dice.below(300);
    reading = reader.feed(line.subarray(at, next));
    at = next;
  }
  const end = line.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  if ((reading === "met") !== (end !== -1 && end < 1024)) throw new Error(`${reading}, with its end at ${end}`);
  if (reading !== "met") return;
  const text = line.toString("utf8", 0, end);
  if (reader.conclusion !== text) throw new Error(`read as ${JSON.stringify(reader.conclusion)}`);
  const outcome = new AgentMemory(1000, 0).heard(text, 0);
  const { reason, passed } = outcome;
  if (reason === "" || reason.length > 600 || /\p{Cc}/u.test(reason)) throw new Error(JSON.stringify(reason));
  const words = (text.split("#")[0] ?? "").split(/[ \t,]+/).map((word) => word.toLowerCase());
  const health = words.findLast((word) => ["up", "down", "fail", "stopped"].includes(word));
  if (passed === undefined && words.some((word) => ["up", "drain", "maint", "fail"].includes(word)))
    throw new Error(`nothing was found in ${JSON.stringify(text)}`);
  if (passed !== undefined && !words.some((word) => AGENT_WORD.test(word))) throw new Error(`${reason} of nothing`);
  if (passed !== undefined && passed !== (health === undefined || health === "up")) throw new Error(reason);
  const advice = passed === true ? outcome.advice : undefined;
  const weight = advice === undefined ? 0 : "percent" in advice ? advice.percent : advice.weight;
  if (!Number.isInteger(weight) || weight < 0 || weight > 9_999_999_999) throw new Error(`a weight of ${weight}`);
}

const HEADER_LINES = Buffer.from("Authorization: Bearer a.b-c\r\nX-Two:2\n\nHost: example.org\nX-Empty:\n");

/** Whatever a file of headers holds, a request with them stays one request. */
function fuzzHeaderLines(dice: Dice): void {
  const text = new TextDecoder().decode(dice.mangled(HEADER_LINES));
  const headers = text.split("\n").flatMap((line) => {
    const read = readHeaderLines(line);
    return "problem" in read ? [] : read;
  });
  const request = encodeRequest({ method: "GET", path: "/", body: "" }, "10.0.0.1", headers, true);
  if ("refused" in request) throw new Error(request.refused);
  const lines = Buffer.from(request).toString("latin1").split("\r\n");
  if (lines.length > headers.length + 8 || lines.slice(0, -2).some((line) => line === "" || /[\r\n\0]/.test(line)))
    throw new Error(`not one request: ${JSON.stringify(lines)}`);
}

const RESPONSES = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
  "HTTP/1.0 301 Moved\nLocation: https://10.0.0.9/\n folded\n\nbody to the end",
  "HTTP/1.1 503\r\nContent-Length: 10\r\nContent-Length: 10\r\n\r\n",
  `HTTP/1.1 200 OK\r\n${"X-Filler: yes\r\n".repeat(20)}\r\n`,
].map((text) => new TextEncoder().encode(text));

/** Never throws, keeps to its states, and comes to the same result however the bytes are cut. */
function fuzzResponse(dice: Dice): void {
  const bytes = dice.below(8) === 0 ? dice.bytes(64) : dice.mangled(dice.pick(RESPONSES));
  const method = dice.pick(["GET", "HEAD", "POST"]);
  const interest = interestIn({ body: dice.below(2) === 0, fields: ["x-filler"] });
  const [whole, pieces] = [new ResponseReader(method, interest), new ResponseReader(method, interest)];
  whole.feed(bytes);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + dice.below(dice.pick([1, 3, 40]));
    pieces.feed(bytes.subarray(at, end));
    at = end;
  }
  const [first, second] = [whole.end(), pieces.end()].map(withoutReuse);
  if (!Bun.deepEquals(first, second)) {
    throw new Error(`read otherwise in pieces: ${JSON.stringify(first)} and ${JSON.stringify(second)}`);
  }
  if (first?.state === "reading") throw new Error("the end was not the end");
}

const REQUESTS = [
  "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9105\r\nUser-Agent: Prometheus/2.42.0\r\nAccept: */*",
  "GET http://localhost/readyz HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade",
  "HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 0",
].map((text) => new TextEncoder().encode(text));

/** What it takes for a head is one that can be handed on: no field hides another. */
function fuzzRequest(dice: Dice): void {
  const bytes = dice.below(8) === 0 ? dice.bytes(64) : dice.mangled(dice.pick(REQUESTS));
  const head = readHead(Buffer.from(bytes).toString("latin1"));
  if (typeof head === "number") return;
  if (!/^(?:\/|\*$)/.test(head.target) || /[^\x21-\x7e]/.test(head.target)) throw new Error(`target ${head.target}`);
  if (head.fields.some(([name, value]) => /[\r\n\0:]/.test(name) || /[\r\n\0]/.test(value)))
    throw new Error(`fields ${JSON.stringify(head.fields)}`);
  const headers = new Headers(head.fields.map(([name, value]) => [name, value]));
  if ([...headers].length > head.fields.length) throw new Error("there are more fields than before");
}

/** What follows an answer is surplus only if it has come already. */
function withoutReuse(reading: Reading): Reading {
  return reading.state === "complete" ? { ...reading, reusable: false } : reading;
}

const STATUS = { address: "10.0.0.1:80", protocol: "tcp", realServers: [] } as unknown as VirtualServerStatus;
const EVENTS = { address: "10.0.0.1:80", protocol: "tcp", startedAt: "x", sinceBootMs: 0, events: [] } as const;
const CONTROLLED: ControlVirtualServer = {
  named: { protocol: "tcp", address: STATUS.address, name: "web" },
  realServers: [],
  status: () => Promise.resolve(STATUS),
  members: () => ({ address: STATUS.address, protocol: "tcp", members: [] }),
  events: () => EVENTS,
  hold: (server) =>
    Promise.resolve({
      virtualServer: STATUS.address,
      virtualServerProtocol: "tcp",
      scheduler: "rr",
      realServer: { address: server, state: "healthy", activeConnections: 0, inactiveConnections: 0 },
    }),
  check: (server) =>
    Promise.resolve({
      virtualServer: STATUS.address,
      virtualServerProtocol: "tcp",
      realServer: server,
      verdict: { passed: true, reason: "status 200", latencyMs: 1 },
    }),
};
const CONTROL_SOURCES = { virtualServers: () => [CONTROLLED] };
const STATUS_BYTES = new TextEncoder().encode(JSON.stringify(STATUS));
const PATHS = [
  "/v1/status",
  "/v1/events",
  "/v1/events?after=7",
  "/v1/hold?server=10.0.0.1:80&change=drain",
  "/v1/hold?server=10.0.0.1:80&change=weight&weight=7",
  "/v1/check?server=10.0.0.1:80&vs=web",
  "/v1/statuses?vs=web&vs=10.0.0.1:80",
  "/v1/event-reports?after=7&vs=web",
  "/v1/daemon",
  "/v1/reload",
  "/v1/",
  "/v2/status",
  "/",
  "//",
  "/v1/status?x",
  "/%2e%2e/v1/status",
  "/v1//status",
];

async function fuzzControl(dice: Dice): Promise<void> {
  const text = new TextDecoder().decode(dice.mangled(STATUS_BYTES));
  const read = readAnswer(dice.pick([200, 400, 422, 500, 0]), text);
  const said = "problem" in read ? read.problem : "unchecked" in read ? read.unchecked : undefined;
  if (said === undefined ? "value" in read && typeof read.value.address !== "string" : said.length > 400)
    throw new Error(text);

  const path = new TextDecoder("latin1").decode(dice.mangled(new TextEncoder().encode(dice.pick(PATHS))));
  const url = `http://lvscare/${encodeURI(path.replace(/^\/+/, ""))}`;
  const request = new Request(url, { method: dice.pick(["GET", "GET", "POST", "DELETE"]) });
  const response = await new Answers(CONTROL_SOURCES).answer(request);
  if ((response.status === 200) !== isUnderstood(request.method, new URL(url)))
    throw new Error(`${request.method} ${url}: ${response.status}`);
}

function isUnderstood(method: string, { pathname, searchParams }: URL): boolean {
  const words = searchParams.getAll("vs");
  const isOne = words.length === 0 || words.some((word) => word === "web" || word === STATUS.address);
  if (method === "POST") {
    const weight = searchParams.get("weight");
    const isWeight = weight === null || (/^[1-9]\d{0,4}$/.test(weight) && Number(weight) <= 65_535);
    const change = searchParams.get("change");
    const isChange = change === "drain" || change === "undrain" || (change === "weight" && isWeight);
    return isOne && (pathname === "/v1/check" || (pathname === "/v1/hold" && isChange));
  }
  const isAfter = /^\d{1,15}$/.test(searchParams.get("after") ?? "0");
  const isEvents = isAfter && (pathname === "/v1/event-reports" || (pathname === "/v1/events" && isOne));
  const isStatus = pathname === "/v1/statuses" || (pathname === "/v1/status" && isOne);
  return method === "GET" && (isStatus || isEvents || pathname === "/v1/daemon");
}

const FLAGS = CARE_OPTION_ROWS.map(({ flag }) => flag);
const WORDS = [
  "10.0.0.1:80",
  "10.0.0.2:80",
  "[fd00::1]:80",
  "5s",
  "true",
  "false",
  "a=b",
  "-1",
  "",
  ",",
  '"',
  "http",
  "=",
  "-",
  "--",
];

/** Either options that were all valid, or problems in one line each: nothing in between, nothing else thrown. */
function fuzzOptions(dice: Dice): void {
  const word = (): string =>
    dice.below(4) === 0 ? new TextDecoder("latin1").decode(dice.bytes(12)) : dice.pick(WORDS);
  const argv = Array.from({ length: dice.below(8) }, () => {
    switch (dice.below(4)) {
      case 0:
        return `--${dice.pick(FLAGS)}=${word()}`;
      case 1:
        return `--${dice.pick(FLAGS)}`;
      case 2:
        return word();
      default:
        return new TextDecoder("latin1").decode(
          dice.mangled(new TextEncoder().encode(`--${dice.pick(FLAGS)}=${word()}`)),
        );
    }
  });
  const environment =
    dice.below(3) === 0 ? { [`CARE_${dice.pick(FLAGS).toUpperCase().replaceAll("-", "_")}`]: word() } : {};
  try {
    const options = resolveCareOptions(readArgv(["--vs", "10.0.0.9:80", ...argv], CARE_OPTION_ROWS), environment);
    if (options.service.endpoint.port < 1 || (!options.clean && options.realServers.length === 0))
      throw new Error("half");
  } catch (error) {
    if (!(error instanceof UsageError) || error.problems.length === 0) throw error;
    const bad = error.problems.find((problem) => /[\p{Cc}]/u.test(problem) || problem.length > 500);
    if (bad !== undefined) throw new Error(`not one line: ${JSON.stringify(bad)}`, { cause: error });
  }
}

const CONFIGS = [
  `version: 1
http-listen: 9105
include: [conf.d/*.yaml]
defaults: &d {fall: 2, interval: 3s, probe: {type: http, path: /ready, headers: {A: a, B: [b, c]}, tls: {verify: full}}}
probes:
  web: {type: http, host: shop.example.org, expect: {status: [200-299, 401]}, body: "x: \\" y"}
virtual-servers:
- name: web # a comment: with a colon
  address: 10.0.0.1:80
  scheduler: wrr
  persistence: {timeout: 5m, prefix: 24}
  probe: web
  real-servers:
  - 10.0.0.2:80
  - {address: 10.0.0.3:80, weight: 3, name: three, drained: true}
- address: "[fd00::1]:80"
  panic-threshold: 50%
  probe: {type: http, body: null}
  real-servers: &r ["[fd00::2]:80"]
- {address: '[fd00::1]:81', slow-start: 30s, scheduler: wlc, weight: 10, probe: web, real-servers: *r}
`,
  `{"version": 1, "logger": "DEBG", "virtual-servers": [
\t{"address": "10.0.0.1:80", "probe": {"type": "http"}, "real-servers": ["10.0.0.2:80", {"address": "10.0.0.3:80"}]}]}`,
  "version: 1\nvirtual-servers:\n- address: 10.0.0.1:80\n  probe:\n    type: http\n    body: |\n      a: b\n      c\n  real-servers:\n  - 10.0.0.2:80\n",
].map((text) => new TextEncoder().encode(text));
const CONFIG_WORDS = [
  ": ",
  "- ",
  "\n",
  "\n  ",
  "{",
  "}",
  "[",
  "]",
  ", ",
  '"',
  "'",
  "#",
  "&a ",
  "*a",
  "*r",
  "*d",
  "<<: ",
  "|",
  ">",
  "? ",
  "!!str ",
  "---\n",
  "\t",
  "null",
  "~",
  "0",
  "-1",
  "1e999",
  ".nan",
  "yes",
  "fall: 2",
  "fall",
  "address: 10.0.0.1:80",
  "real-servers",
  "__proto__: ",
  "constructor: ",
  "\r",
].map((text) => new TextEncoder().encode(text));

/** Either all of a configuration or none of it, and then problems, one line each, at places that there are. */
async function fuzzConfig(dice: Dice): Promise<void> {
  let bytes = dice.mangled(dice.pick(CONFIGS));
  for (let changes = dice.below(4); changes > 0; changes--) {
    const at = dice.below(bytes.length + 1);
    bytes = Uint8Array.of(...bytes.subarray(0, at), ...dice.pick(CONFIG_WORDS), ...bytes.subarray(at));
  }
  const text = new TextDecoder().decode(bytes);
  const documents = [parseDocument({ name: "f.yaml", text })];
  const { config, findings } = readConfig(documents);
  const problems = await locate(findings, documents);
  // The quick look for keys that are given twice misses none that the slow one finds.
  const whole = await locate(
    findings,
    documents.map((document) => ({ ...document, mayHide: document.failure === undefined })),
  );
  const isReadable = whole.every(({ code }) => code !== "syntax");
  if (isReadable && !Bun.deepEquals(problems, whole)) throw new Error(`not seen: ${JSON.stringify(whole)} in ${text}`);
  const errors = problems.filter(({ severity }) => severity === "error");
  if (config === undefined && errors.length === 0) throw new Error(`refused without a reason: ${text}`);
  const isHalf = config?.virtualServers.some(
    ({ service, realServers }) => service.endpoint.port < 1 || realServers.length === 0,
  );
  if (config !== undefined && (isHalf === true || config.virtualServers.length === 0)) throw new Error(`half: ${text}`);
  const lines = text.split("\n");
  for (const { line, column, path, message } of problems) {
    const width = [...(lines[line - 1] ?? "")].length;
    if (line > lines.length || column < 1 || column > width + 1) throw new Error(`${path}: no place ${line}:${column}`);
    if (message.length > 2000) throw new Error(`long: ${message}`);
  }
}
