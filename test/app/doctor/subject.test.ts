import { expect, test } from "bun:test";
import { subjectsOf, type DoctorOptions } from "../../../src/app/doctor/subject.ts";
import { formatEndpoint, parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { VirtualServerStatus } from "../../../src/domain/status.ts";
import { formatServiceKey, NO_TRAFFIC, virtualServer } from "../../../src/domain/virtual-server.ts";
import { A, B } from "./subjects.ts";

const NOTHING: DoctorOptions = { virtualServers: [], realServers: [] };
const VS = "10.103.97.2:6443";
const OTHER = "10.103.97.3:6443";

const unattended: VirtualServerStatus = {
  address: OTHER,
  protocol: "tcp",
  scheduler: "wlc",
  dataPlane: { kind: "ipvs", via: "libnl" },
  stats: NO_TRAFFIC,
  realServers: [],
};
const cared: VirtualServerStatus = {
  ...unattended,
  address: VS,
  reach: { mode: "link", objects: [] },
  failOpen: { since: "2026-01-01T00:00:00Z", healthy: 0, total: 1 },
  lastResort: { since: "2026-01-01T00:00:00Z", total: 1, held: [A] },
  realServers: [
    {
      address: A,
      state: "removed",
      activeConnections: 0,
      inactiveConnections: 0,
      hold: { since: "2026-01-01T00:00:00Z", drained: true },
      lastVerdict: { passed: false, reason: "status 404", latencyMs: 1, at: "2026-01-01T00:00:00Z" },
    },
  ],
  daemon: {
    version: "0.1.0",
    pid: 7,
    startedAt: "2026-01-01T00:00:00Z",
    state: "serving/settled",
    applies: 1,
    repairs: 0,
    intervalMs: 5000,
  },
};

test("knows the names in the certificates that real servers show, not in others'", () => {
  const certificate = {
    fingerprint: "AA",
    subject: "a",
    issuer: "b",
    names: ["10.96.0.1"],
    notBefore: "2026-01-01T00:00:00Z",
    notAfter: "2027-01-01T00:00:00Z",
  };
  const namesWith = (changes: { readonly shownBy?: string }): unknown => {
    const realServers = cared.realServers.map((one) => ({ ...one, certificate: { ...certificate, ...changes } }));
    return subjectsOf(NOTHING, [{ ...cared, realServers }], [])[0]?.realServers[0]?.certificateNames;
  };
  expect(namesWith({})).toEqual(["10.96.0.1"]);
  expect(namesWith({ shownBy: "192.168.0.2:9443" })).toBeUndefined();
});

test("examines what daemons care for, else all of the table, else nothing", () => {
  expect(keys(NOTHING, [cared, unattended])).toEqual([`tcp ${VS}`]);
  expect(keys(NOTHING, [unattended])).toEqual([`tcp ${OTHER}`]);
  expect(keys(NOTHING, [])).toEqual([]);
});

test("examines only what is named, whether it stands or not", () => {
  const named = { ...NOTHING, virtualServers: [OTHER, "[fd00::1]:80"] };
  expect(keys(named, [cared, unattended])).toEqual([`tcp ${OTHER}`, "tcp [fd00::1]:80"]);
  const planned = { ...named, realServers: [parseEndpoint(A)], scheduler: "mh", mode: "none" as const };
  const [standing, other] = subjectsOf(planned, [unattended], []);
  expect(standing).toMatchObject({ plane: "ipvs", mode: "none", service: { scheduler: "wlc" } });
  expect(other).toMatchObject({ plane: undefined, daemon: undefined, mode: "none", service: { scheduler: "mh" } });
  expect(other?.realServers.map(({ endpoint, weight }) => [formatEndpoint(endpoint), weight])).toEqual([
    [A, undefined],
  ]);
});

test("knows of each what its daemon tells, and what stands", () => {
  const persistent = {
    ...virtualServer({ protocol: "tcp", endpoint: parseEndpoint(VS) }, "wlc"),
    persistenceTimeoutS: 60,
  };
  const table = [{ service: persistent, stats: NO_TRAFFIC, realServers: [] }];
  const options = { ...NOTHING, virtualServers: [VS], realServers: [A, B].map(parseEndpoint) };
  expect(subjectsOf({ ...options, mode: "route" }, [cared], table)).toEqual([
    {
      service: persistent,
      word: VS,
      mode: "link",
      plane: "ipvs",
      daemon: { pid: 7, reach: { mode: "link", objects: [] }, isFailOpen: true, isLastResort: true },
      realServers: [
        {
          endpoint: parseEndpoint(A),
          weight: undefined,
          forwarding: undefined,
          state: "removed",
          isDrained: true,
          lastCheck: "status 404",
        },
        { endpoint: parseEndpoint(B), weight: undefined, forwarding: undefined, state: "unknown" },
      ],
    },
  ]);
});

function keys(options: DoctorOptions, told: readonly VirtualServerStatus[]): string[] {
  return subjectsOf(options, told, []).map(({ service }) => formatServiceKey(service));
}
