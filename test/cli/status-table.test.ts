import { describe, expect, test } from "bun:test";
import { createPaint } from "../../src/cli/colour.ts";
import { renderStatus } from "../../src/cli/status-table.ts";
import type { CertificateStatus } from "../../src/domain/certificate.ts";
import type { RealServerStatus, StatusReport, VirtualServerStatus } from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

const NOW = new Date("2026-11-24T02:40:00Z");
const plain = createPaint(false);

const healthy: RealServerStatus = {
  address: "192.168.0.2:6443",
  state: "healthy",
  weight: 1,
  forwarding: "masquerade",
  activeConnections: 12,
  inactiveConnections: 3,
  stats: NO_TRAFFIC,
  stateSince: "2026-11-24T02:36:40Z",
  lastVerdict: { passed: true, reason: "status 200", latencyMs: 3.21, at: "2026-11-24T02:39:58Z" },
};

const draining: RealServerStatus = {
  address: "192.168.0.13:6443",
  state: "draining",
  weight: 0,
  activeConnections: 2,
  inactiveConnections: 0,
  stateSince: "2026-11-24T02:39:56Z",
  lastVerdict: { passed: false, reason: "connect timed out after 3s", latencyMs: 3001, at: "2026-11-24T02:39:56Z" },
  lastTransition: { at: "2026-11-24T02:39:56Z", from: "healthy", to: "draining", reason: "connect timed out after 3s" },
};

const removed: RealServerStatus = {
  address: "192.168.0.4:6443",
  state: "removed",
  activeConnections: 0,
  inactiveConnections: 0,
  stateSince: "2026-11-23T22:40:00Z",
};

const cared: VirtualServerStatus = {
  address: "10.103.97.12:6443",
  protocol: "tcp",
  scheduler: "rr",
  dataPlane: { kind: "ipvs", via: "libnl" },
  stats: NO_TRAFFIC,
  realServers: [healthy, draining, removed],
  daemon: {
    version: "0.1.0",
    pid: 812,
    startedAt: "2026-11-23T22:39:00Z",
    state: "serving/backingOff",
    applies: 4,
    repairs: 1,
    intervalMs: 5000,
    lastError: { at: "2026-11-24T02:39:48Z", message: "add real server 192.168.0.4:6443: no memory (ENOMEM)" },
  },
};

describe("a virtual server with a daemon", () => {
  test("puts the last check beside the table where there is room", () => {
    expect(lines(report(cared), 120)).toEqual([
      "tcp 10.103.97.12:6443  degraded · 1 of 3 in service · 1 failed · 1 not proved yet",
      "  scheduler   rr",
      "  data plane  ipvs (libnl)",
      "  daemon      0.1.0, pid 812, up 4h1m, serving/backingOff, checks every 5s",
      "  applies     4, 1 of them repairs",
      "  last error  12s ago: add real server 192.168.0.4:6443: no memory (ENOMEM)",
      "",
      "  REAL SERVER        STATE     FOR    WEIGHT  ACTIVE  INACTIVE  LAST CHECK",
      "  192.168.0.2:6443   healthy   3m20s       1      12         3  passed 2s ago in 3.2ms: status 200",
      "  192.168.0.13:6443  draining  4s          0       2         0  failed 4s ago in 3s: connect timed out after 3s",
      "  192.168.0.4:6443   removed   4h          -       0         0  -",
      "",
      "  LAST CHANGE",
      "  192.168.0.13:6443  4s ago healthy → draining: connect timed out after 3s",
    ]);
  });

  test("puts it below where there is not", () => {
    expect(lines(report({ ...cared, realServers: [healthy, draining] }), 80).slice(7)).toEqual([
      "  REAL SERVER        STATE     FOR    WEIGHT  ACTIVE  INACTIVE",
      "  192.168.0.2:6443   healthy   3m20s       1      12         3",
      "  192.168.0.13:6443  draining  4s          0       2         0",
      "",
      "  LAST CHECK",
      "  192.168.0.2:6443   passed 2s ago in 3.2ms: status 200",
      "  192.168.0.13:6443  failed 4s ago in 3s: connect timed out after 3s",
      "",
      "  LAST CHANGE",
      "  192.168.0.13:6443  4s ago healthy → draining: connect timed out after 3s",
    ]);
  });

  test("breaks long reasons between words and keeps within the width", () => {
    const reason =
      "certificate has expired since a very long time and nobody cared to renew it, which they should have";
    const server: RealServerStatus = {
      ...draining,
      address: "[2001:db8:1234:5678:9abc:def0:1234:5678]:6443",
      lastVerdict: { passed: false, reason, latencyMs: 1, at: "2026-11-24T02:39:56Z" },
    };
    for (const width of [80, 100, 120, 160]) {
      const text = renderStatus(report({ ...cared, realServers: [server] }), { now: NOW, width, paint: plain });
      expect(text.split("\n").filter((line) => Bun.stringWidth(line) > Math.max(width, 93))).toEqual([]);
      expect(text.replaceAll(/\s+/g, " ")).toContain(reason);
    }
  });
});

test("what a program writes does not break the table: a long reason ends in an ellipsis, and no word leaves its column", () => {
  for (const reason of ["x".repeat(200), "no word of it ".repeat(14)]) {
    const server: RealServerStatus = {
      ...draining,
      lastVerdict: { passed: false, reason, latencyMs: 1, at: "2026-11-24T02:39:56Z" },
      lastTransition: { at: "2026-11-24T02:39:56Z", from: "healthy", to: "draining", reason },
    };
    for (const width of [80, 120, undefined]) {
      const text = renderStatus(report({ ...cared, realServers: [server] }), { now: NOW, width, paint: plain });
      expect(text.split("\n").filter((line) => Bun.stringWidth(line) > (width ?? 240))).toEqual([]);
      expect(text.split("…")).toHaveLength(3);
    }
  }
});

test("what an operator asked for stands below the table", () => {
  const held = [
    {
      ...healthy,
      state: "drained" as const,
      health: "healthy" as const,
      weight: 0,
      hold: { since: "2026-11-24T02:39:00Z", drained: true },
    },
    {
      ...removed,
      state: "drained" as const,
      health: "removed" as const,
      hold: { since: "2026-11-24T02:39:00Z", drained: true },
    },
    { ...draining, hold: { since: "2026-11-24T02:30:00Z", drained: false, weight: 5 } },
  ];
  const text = lines(report({ ...cared, realServers: held }), 120);
  expect(text.slice(text.indexOf("  HELD"), text.indexOf("  HELD") + 3)).toEqual([
    "  HELD",
    "  192.168.0.2:6443   drained, 1m ago by an operator",
    "  192.168.0.4:6443   drained, 1m ago by an operator",
  ]);
  expect(text.filter((line) => line.includes("drained  ") || line.includes("drained ("))).toEqual([
    "  192.168.0.2:6443   drained            3m20s       0      12         3  passed 2s ago in 3.2ms: status 200",
    "  192.168.0.4:6443   drained (removed)  4h          -       0         0  -",
  ]);
});

test("that checks have to wait stands above the table", () => {
  const { daemon } = cared;
  if (daemon === undefined) throw new Error("there is a daemon");
  const waiting = { ...cared, daemon: { ...daemon, checksWait: { longestMs: 1200, most: 256 } } };
  expect(lines(report(waiting), 160)).toContain(
    "  checks      had to wait up to 1.2s in the last minute: no more than 256 are under way (max-concurrent-checks)",
  );
});

test("the last resort, and that nothing can be written, stand above the table", () => {
  const lastResort = { since: "2026-11-24T02:39:00Z", total: 3, held: ["192.168.0.2:6443", "192.168.0.13:6443"] };
  const daemon = { ...cared.daemon, failing: { since: "2026-11-24T02:39:50Z", message: "no" } };
  const text = lines(report({ ...cared, lastResort, daemon } as VirtualServerStatus), 120);
  expect(text).toContain(
    "  last resort for 1m: none of 3 real servers is healthy, so 2 that still accept connections stay in service",
  );
  expect(text).toContain("  failing     for 10s: nothing can be written");
});

test("wide shows forwarding and traffic, and each thing that is kept on the host", () => {
  const stats = { connections: 7, inPackets: 70, outPackets: 60, inBytes: 7000, outBytes: 6_000_000_000 };
  const reach = {
    mode: "route",
    objects: [{ name: "route 10.103.97.12/32", state: "stands", since: "2026-11-24T02:39:00Z" }],
  } as const;
  const server: VirtualServerStatus = { ...cared, realServers: [{ ...healthy, stats }, removed], reach };
  const text = renderStatus(report(server), { now: NOW, width: 80, paint: plain, wide: true }).split("\n");
  const at = text.findIndex((line) => line.includes("FORWARDING"));
  expect(text.slice(at, at + 3)).toEqual([
    "  REAL SERVER       STATE    FOR    WEIGHT  ACTIVE  INACTIVE  FORWARDING  CONNECTIONS  PACKETS IN  OUT  BYTES IN         OUT",
    "  192.168.0.2:6443  healthy  3m20s       1      12         3  masquerade            7          70   60      7000  6000000000",
    "  192.168.0.4:6443  removed  4h          -       0         0  -                     -           -    -         -           -",
  ]);
  expect(text.slice(-3)).toEqual(["  REACH", "  route 10.103.97.12/32: stands for 1m", ""]);
});

test("the URL of the page is a line of its own for who asks for more", () => {
  const page = "http://127.0.0.1:9105/";
  const server: VirtualServerStatus = { ...cared, ...(cared.daemon && { daemon: { ...cared.daemon, page } }) };
  const pages = (wide: boolean): string[] =>
    renderStatus(report(server), { now: NOW, width: 80, paint: plain, wide })
      .split("\n")
      .filter((line) => line.includes("page"));
  expect([pages(true), pages(false)]).toEqual([["  page        http://127.0.0.1:9105/"], []]);
});

test("a certificate that ends soon is shown to everybody, and all of them to who asks for more", () => {
  const certificate = (notAfter: string, names: readonly string[]): CertificateStatus => ({
    fingerprint: "AA",
    subject: "kube-apiserver",
    issuer: "kubernetes\u001B[2J",
    names,
    notBefore: "2026-01-01T00:00:00.000Z",
    notAfter,
  });
  const realServers: RealServerStatus[] = [
    { ...healthy, certificate: certificate("2027-01-01T00:00:00.000Z", ["10.96.0.1", "kubernetes"]) },
    { ...draining, certificate: certificate("2026-11-25T02:39:00.000Z", []) },
    {
      ...removed,
      certificate: { ...certificate("2026-11-22T02:39:00.000Z", ["a.test"]), shownBy: "192.168.0.4:9443" },
    },
  ];
  const certificates = (wide: boolean): string[] => {
    const text = renderStatus(report({ ...cared, realServers }), { now: NOW, width: undefined, paint: plain, wide });
    const [, section = ""] = text.split("  CERTIFICATE\n");
    return section.split("\n\n")[0]?.split("\n") ?? [];
  };
  const soon = [
    "  192.168.0.13:6443  0 days left, until 2026-11-25; by kubernetes\\x1b[2J, for no name",
    "  192.168.0.4:6443   EXPIRED 2 days ago, on 2026-11-22; by kubernetes\\x1b[2J, for a.test, shown by 192.168.0.4:9443",
  ];
  expect(certificates(false)).toEqual(soon);
  expect(certificates(true)).toEqual([
    "  192.168.0.2:6443   37 days left, until 2027-01-01; by kubernetes\\x1b[2J, for 10.96.0.1, kubernetes",
    ...soon,
  ]);
});

test("without a daemon it says so and shows what stands in the table", () => {
  const { daemon: _, ...table } = cared;
  const realServers: RealServerStatus[] = [
    { address: "192.168.0.2:6443", state: "unknown", weight: 1, activeConnections: 0, inactiveConnections: 0 },
  ];
  const dataPlane = { ...cared.dataPlane, because: "somebody said so" };
  const note = "no lvscare daemon answers";
  expect(lines({ source: "table", notes: [note], virtualServers: [{ ...table, dataPlane, realServers }] }, 80)).toEqual(
    [
      "tcp 10.103.97.12:6443  no daemon · 1 of 1 in service",
      "  scheduler   rr",
      "  data plane  ipvs (libnl), because somebody said so",
      "  daemon      none",
      "",
      "  REAL SERVER       STATE    FOR  WEIGHT  ACTIVE  INACTIVE",
      "  192.168.0.2:6443  unknown  -         1       0         0",
      "",
      "note: no lvscare daemon answers",
    ],
  );
});

test("nothing at all is said in words", () => {
  expect(lines({ source: "table", notes: [], virtualServers: [] }, 80)).toEqual([
    "no virtual server stands on this host",
  ]);
});

test("a virtual server without real servers is said in words", () => {
  expect(lines(report({ ...cared, realServers: [] }), 80).at(-1)).toBe("  no real servers");
});

test("colour changes nothing but the colour", () => {
  for (const width of [80, 120]) {
    const coloured = renderStatus(report(cared), { now: NOW, width, paint: createPaint(true) });
    expect(coloured).toContain("\u001B[32mhealthy\u001B[0m");
    const bare = Bun.stripANSI(coloured).replaceAll(/ +$/gm, "");
    expect(bare).toBe(renderStatus(report(cared), { now: NOW, width, paint: plain }));
  }
});

test("a daemon whose clock is ahead, or whose times are no times, breaks nothing", () => {
  const servers = ["2026-11-24T02:40:05Z", "yesterday"].map((stateSince) => ({ ...healthy, stateSince }));
  const ages = lines(report({ ...cared, realServers: servers }), 120).slice(8, 10);
  expect(ages.map((line) => line.split(/ {2,}/)[3])).toEqual(["0s", "?"]);
});

test("text of others cannot drive the terminal", () => {
  const lastVerdict = { ...draining.lastVerdict, passed: false, reason: "\u001B[2J\nowned", latencyMs: 1, at: "x" };
  const text = renderStatus(report({ ...cared, realServers: [{ ...draining, lastVerdict }] }), {
    now: NOW,
    width: 120,
    paint: plain,
  });
  expect(text).toContain("\\x1b[2J\\nowned");
});

function report(...virtualServers: readonly VirtualServerStatus[]): StatusReport {
  return { source: "daemons", notes: [], virtualServers };
}

/** The rendered lines, without the newline that ends them. */
function lines(status: StatusReport, width: number): string[] {
  const text = renderStatus(status, { now: NOW, width, paint: plain });
  expect(text).toEndWith("\n");
  return text.slice(0, -1).split("\n");
}
