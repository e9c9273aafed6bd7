import { renderCluster } from "../../src/cli/cluster-text.ts";
import { annotationsOf, SliceStore, readWatchLine } from "../../src/discovery/kubernetes/slice-store.ts";
import { membersOf, readEndpoints } from "../../src/discovery/kubernetes/slices.ts";
import { readMemberFile } from "../../src/discovery/member-file.ts";
import type { Answer } from "../../src/discovery/source.ts";
import { drainAnnotation, drainsIn, drainValue } from "../../src/domain/cluster-drain.ts";
import { reportsIn } from "../../src/domain/node-report.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import { encodeQuestion, readMessage } from "../../src/probe/dns/message.ts";
import type { Dice, FuzzTarget } from "./targets.ts";

export const DISCOVERY_TARGETS: readonly FuzzTarget[] = [
  { name: "lists of members", run: fuzzMemberFile },
  { name: "what an API server lists and tells", run: fuzzSlices },
  { name: "what a name server answers", run: fuzzNames },
  { name: "what a cluster's services and leases are annotated with", run: fuzzAnnotations },
];

// --- internal ---

const LISTS = [
  "# masters\n10.0.0.1:6443\n10.0.0.2:6443 3 # big\n[fd00::1]:6443\r\n",
  '[{"targets": ["10.0.0.1:80", "[fd00::1]:80"], "labels": {"weight": "2", "zone": "a"}}, {"targets": []}]',
].map((text) => Buffer.from(text));

function fuzzMemberFile(dice: Dice): void {
  expectMembers(readMemberFile(Buffer.from(dice.mangled(dice.pick(LISTS))).toString("utf8")));
}

const SLICE = {
  metadata: { name: "kubernetes-1", resourceVersion: "7" },
  addressType: "IPv4",
  endpoints: [
    { addresses: ["10.0.0.1"], conditions: { ready: true, serving: null }, zone: "a" },
    { addresses: ["10.0.0.2"], conditions: { ready: false, serving: true, terminating: true } },
  ],
  ports: [{ name: "https", port: 6443, protocol: "TCP" }],
};
const SAID = [
  { metadata: { resourceVersion: "9" }, items: [SLICE] },
  { type: "ADDED", object: SLICE },
  { type: "BOOKMARK", object: { metadata: { resourceVersion: "8" } } },
  { type: "ERROR", object: { code: 410, message: "too old" } },
  { metadata: {}, subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 6443 }] }] },
].map((one) => Buffer.from(JSON.stringify(one)));

function fuzzSlices(dice: Dice): void {
  const text = Buffer.from(dice.mangled(dice.pick(SAID))).toString("utf8");
  const store = new SliceStore();
  store.replace(text);
  const event = readWatchLine(text);
  if (!("message" in event)) store.apply(event);
  const port = dice.pick([undefined, "https", 6443]);
  expectMembers(membersOf(store.slices, port, "ipv4"));
  try {
    expectMembers(membersOf(readEndpoints(JSON.parse(text)) ?? [], port, "ipv6"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}

const DRAINED = { since: "2026-12-01T02:00:00.000Z", by: "alice" };
const REPORT = {
  version: "5.0.0",
  at: DRAINED.since,
  service: "default/kubernetes",
  virtualServer: "tcp 10.96.0.1:6443",
  way: "watched",
  inService: 2,
  of: 3,
  drained: { "10.0.0.2": { since: DRAINED.since, open: 4 } },
};
const ANNOTATED = [
  { metadata: { annotations: { "drained.lvscare/10.0.0.2": JSON.stringify(DRAINED), "drained.lvscare/fd00__2": "" } } },
  { metadata: { annotations: { "report.lvscare/tcp_10.96.0.1_6443": JSON.stringify(REPORT) } } },
].map((one) => Buffer.from(JSON.stringify(one)));

function fuzzAnnotations(dice: Dice): void {
  const text = Buffer.from(dice.mangled(dice.pick(ANNOTATED))).toString("utf8");
  const annotations = annotationsOf(text) ?? {};
  const drains = drainsIn(annotations);
  for (const [address, drain] of drains)
    if (!Bun.deepEquals(drainsIn({ [drainAnnotation(address)]: drainValue(drain) }), new Map([[address, drain]])))
      throw new Error(`${address} is not drained as it was`);
  const drained = [...drains].map(([address, drain]) => ({ address, ...drain }));
  const nodes = [{ node: "n1", reports: reportsIn(annotations) }];
  renderCluster({ service: "default/kubernetes", drained, nodes }, new Date(), (_, shown) => shown);
}

/** An answer with a name that stands for another, as it was sent. */
const ANSWER = Uint8Array.fromHex(
  "12348580000100020000000003617069076578616d706c65036f72670000010001" +
    "c00c000500010000003c000603776562c010c02d000100010000001e0004c0000201",
);

function fuzzNames(dice: Dice): void {
  const bytes =
    dice.below(4) === 0 ? dice.bytes(64) : dice.mangled(dice.pick([ANSWER, encodeQuestion(1, "a.b", "SRV")]));
  const message = readMessage(bytes);
  for (const { ttlS } of message?.answers ?? []) if (!(ttlS >= 0 && ttlS < 2 ** 31)) throw new Error(`${ttlS} s`);
}

/** Whoever is listed is somebody, and once. */
function expectMembers(answer: Answer): void {
  if ("problem" in answer) {
    if (/\n/.test(answer.problem)) throw new Error("it takes more than a line to tell");
    return;
  }
  const names = answer.listed.map(({ endpoint }) => formatEndpoint(endpoint));
  if (new Set(names).size !== names.length) throw new Error("somebody is listed twice");
  for (const name of names)
    if (formatEndpoint(parseEndpoint(name)) !== name) throw new Error(`${name} is not how it is written`);
}
