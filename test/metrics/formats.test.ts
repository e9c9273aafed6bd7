import { beforeAll, describe, expect, test } from "bun:test";
import type { CareEvent } from "../../src/domain/events.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { FAMILIES, SUBJECT_LABELS, unitOf, type Family, type Subject } from "../../src/metrics/families.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { renderMetrics } from "../../src/metrics/render-metrics.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";

beforeAll(
  () =>
    installMissingPackages([
      { name: "prometheus", file: "/usr/bin/promtool" },
      {
        name: "python3-prometheus-client",
        file: "/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py",
      },
    ]),
  300_000,
);

const ROWS = Object.entries(FAMILIES).flatMap(([of, families]) =>
  families.map((family) => [family, SUBJECT_LABELS[of as Subject]] as readonly [Family, readonly string[]]),
);

const RUN = { version: "1", turns: { lagMs: 12, stalls: 2, stalledMs: 1500 } };

describe("what a daemon tells of two virtual servers", () => {
  const sources = {
    virtualServers: [told("10.0.0.1:80"), told("10.0.0.2:80")],
    configuration: { file: '/etc/"lv\\scare".yaml', appliedAt: "2026-11-25T10:00:00.000Z" },
    process: {
      cpuSeconds: 1.5,
      residentBytes: 4096,
      virtualBytes: 8192,
      openDescriptors: 12,
      mostDescriptors: 1024,
      startedAtSeconds: 1_764_000_000.5,
    },
    ...RUN,
  };
  const text = renderMetrics(sources, "text");
  const openMetrics = renderMetrics(sources, "openmetrics");

  test("is all that the table of metrics has, with the labels that it names", () => {
    const found = new Map<string, Set<string>>();
    for (const [, name = "", labels = ""] of text.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
      const family = name.replace(/_(bucket|sum|count)$/, "");
      const names = [...labels.matchAll(/(?:^|,)([a-z_]+)="/g)]
        .map(([, label = ""]) => label)
        .filter((one) => one !== "le");
      found.set(family, (found.get(family) ?? new Set()).add(names.join()));
    }
    expect(Object.fromEntries([...found].map(([name, labels]) => [name, [...labels]]))).toEqual(
      Object.fromEntries(ROWS.map(([{ name, labels }, subject]) => [name, [[...subject, ...labels].join()]])),
    );
  });

  test("is what promtool takes", async () => {
    expect(await run(["promtool", "check", "metrics"], text)).toEqual([0, "", ""]);
  });

  test("is the same in OpenMetrics, to a reader that knows its rules", async () => {
    const [code, stdout, stderr] = await run(["/usr/bin/python3", "-c", READER], openMetrics);
    expect([code, stderr]).toEqual([0, ""]);
    const read = JSON.parse(stdout) as { name: string; type: string; unit: string; help: string; samples: Sample[] }[];
    const bare = ({ name, type }: Family): string => name.replace(type === "counter" ? /_total$/ : /_info$/, "");
    expect(read.map(({ name, type, unit, help }) => [name, type, unit, help]).toSorted()).toEqual(
      ROWS.map(([row]) => [bare(row), row.type, unitOf(row) ?? "", row.help]).toSorted(),
    );
    // The other format has the same samples; bounds are written otherwise.
    const samples = read
      .flatMap((family) => family.samples)
      .map(([name, labels, value]) => [name, Object.values(labels), value]);
    const others = [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = "", labels = "", value]) => [
      name,
      [...labels.matchAll(/="((?:[^"\\]|\\.)*)"/g)].map(([, one = ""]) => one.replaceAll(/\\(.)/g, "$1")),
      Number(value),
    ]);
    const asFloat = (list: readonly unknown[]): unknown =>
      JSON.parse(JSON.stringify(list).replaceAll(/"(\d+)\.0"/g, '"$1"'));
    expect(asFloat(samples)).toEqual(asFloat(others));
  });
});

test("what has not happened yet to a real server is 0, so that its first time is seen", () => {
  const { metrics, status } = told("10.0.0.1:80");
  const text = renderMetrics(
    { virtualServers: [{ metrics, status }], configuration: undefined, process: undefined, ...RUN },
    "text",
  );
  expect(
    [...text.matchAll(/^lvscare_transitions_total\{.*to="(\w+)"\} (\d+)$/gm)].map(([, to, count]) => [to, count]),
  ).toEqual([
    ["healthy", "1"],
    ["draining", "0"],
    ["removed", "0"],
    ["recovering", "0"],
  ]);
});

test("a real server that has left is counted no more", () => {
  const { metrics, status } = told("10.0.0.1:80");
  const of = (): string =>
    renderMetrics(
      {
        virtualServers: [{ metrics, status: { ...status, realServers: [] } }],
        configuration: undefined,
        process: undefined,
        ...RUN,
      },
      "text",
    );
  expect(of()).toContain('real_server="10.1.0.1:80"');
  metrics.note({ type: "realServer.departed", server: "10.1.0.1:80" }, 2);
  expect(of()).not.toContain('real_server="10.1.0.1:80"');
});

// --- internal ---

type Sample = readonly [name: string, labels: Readonly<Record<string, string>>, value: number];

const READER = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([
  {"name": f.name, "type": f.type, "unit": f.unit, "help": f.documentation, "samples": [[s.name, s.labels, s.value] for s in f.samples]}
  for f in text_string_to_metric_families(sys.stdin.read())
]))`;

async function run(argv: string[], input: string): Promise<readonly [number, string, string]> {
  const child = Bun.spawn(argv, { stdin: Buffer.from(input), stdout: "pipe", stderr: "pipe" });
  return Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
}

/** One of which everything is known that metrics tell. */
function told(address: string): { readonly metrics: Metrics; readonly status: VirtualServerStatus } {
  const real = "10.1.0.1:80";
  const at = "2026-11-25T10:00:00.000Z";
  const metrics = new Metrics();
  const events: readonly CareEvent[] = [
    { type: "realServer.probed", server: real, verdict: { passed: true, reason: "status 200", latencyMs: 3 } },
    { type: "realServer.healthChanged", server: real, from: "recovering", to: "healthy", reason: "status 200" },
  ];
  for (const event of events) metrics.note(event, 1);
  const stats = { connections: 7, inPackets: 1, outPackets: 2, inBytes: 3, outBytes: 4 };
  const status: VirtualServerStatus = {
    address,
    protocol: "tcp",
    name: "web",
    scheduler: "wlc",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats,
    realServers: [
      {
        address: real,
        name: "web-1",
        state: "healthy",
        health: "healthy",
        weight: 1,
        forwarding: "masquerade",
        activeConnections: 1,
        inactiveConnections: 2,
        stats,
        lastVerdict: { passed: true, reason: "status 200", latencyMs: 3, at },
        certificate: { fingerprint: "00", subject: "web", issuer: "us", names: [], notBefore: at, notAfter: at },
      },
      {
        address: "10.1.0.2:80",
        state: "recovering",
        health: "recovering",
        activeConnections: 0,
        inactiveConnections: 0,
      },
    ],
    reach: { mode: "route", objects: [{ name: "route 10.0.0.1/32", state: "stands", since: at }] },
    way: { answers: true, since: at, at, latencyMs: 0.4 },
    discovery: { source: "file /etc/members", policy: "merge", members: 2, toldAt: at },
    daemon: {
      version: "1",
      pid: 1,
      startedAt: at,
      state: "serving/settled",
      applies: 1,
      repairs: 0,
      intervalMs: 5000,
      checked: { probe: ["type: http", "path: /"], fall: 1, rise: 2, fastIntervalMs: 1000, downIntervalMs: 5000 },
    },
  };
  return { metrics, status };
}
