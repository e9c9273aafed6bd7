import { expect, test } from "bun:test";
import { judgeArrangement } from "../../../src/app/doctor/arrangement.ts";
import { judgeClaimants } from "../../../src/app/doctor/claimants.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import {
  NO_TRAFFIC,
  realServer,
  virtualServer,
  type ObservedVirtualServer,
} from "../../../src/domain/virtual-server.ts";
import { isLoopback } from "../../../src/domain/endpoint.ts";
import { A, B, server, subject } from "./subjects.ts";

const OWN = "192.168.0.9";
const isOwn = (address: string): boolean => isLoopback(address) || address === OWN;
const LOOPBACK = "127.0.0.1:6443";
const OF_A = "192.168.0.2:8443";

test.each([
  { vs: LOOPBACK, changes: {}, found: ["loopback problem"] },
  { vs: LOOPBACK, changes: { plane: undefined }, found: ["loopback note"] },
  { vs: LOOPBACK, changes: { plane: "userspace" as const }, found: [] },
  { vs: "[::1]:6443", changes: { realServers: [server("[fd00::2]:80")] }, found: ["loopback problem"] },
  { vs: LOOPBACK, changes: { realServers: [server("127.0.0.2:80"), server(`${OWN}:80`)] }, found: [] },
  { vs: OF_A, changes: { mode: "link" as const }, found: ["address problem"] },
  { vs: OF_A, changes: { plane: "userspace" as const }, found: ["address problem"] },
  { vs: OF_A, changes: {}, found: [] },
  { vs: `${OWN}:8443`, changes: { mode: "link" as const, realServers: [server(`${OWN}:80`)] }, found: [] },
  { vs: "10.103.97.2:6443", changes: { mode: "link" as const }, found: [] },
])("virtual server $vs: $found (row %#)", ({ vs, changes, found }) => {
  const findings = judgeArrangement(subject(changes, vs), isOwn, []);
  expect(findings.map(({ check, state }) => `${check} ${state}`)).toEqual([...found] as string[]);
});

test("a real server that is a virtual server of this host comes with those behind it", () => {
  const inner: ObservedVirtualServer = {
    service: virtualServer({ protocol: "tcp", endpoint: parseEndpoint(B) }, "rr"),
    stats: NO_TRAFFIC,
    realServers: ["10.0.0.7:80", "10.0.0.8:80"].map((address) => ({
      server: realServer(parseEndpoint(address)),
      activeConnections: 0,
      inactiveConnections: 0,
    })),
  };
  const findings = judgeArrangement(subject(), isOwn, [inner]);
  expect(findings).toEqual([
    expect.objectContaining({
      state: "problem",
      check: "nesting",
      realServer: B,
      remedy: "list what is behind it instead: `--rs 10.0.0.7:80,10.0.0.8:80`",
    }),
  ]);
  expect(
    judgeArrangement(subject({ plane: "userspace", realServers: [server(A), server(B)] }), isOwn, [inner]),
  ).toEqual([]);
});

test("who else answers for the virtual address is named by link and hardware address", () => {
  const claimants = [{ device: "eth0", hardware: "52:54:00:12:34:56" }];
  expect(judgeClaimants({ devices: ["eth0"], claimants }, subject())[0]).toMatchObject({
    state: "note",
    message: expect.stringContaining("another host on eth0 (52:54:00:12:34:56) answers for 10.103.97.2"),
  });
  expect(judgeClaimants({ devices: ["eth0"], claimants: [] }, subject())[0]?.state).toBe("ok");
  expect(judgeClaimants({ devices: [], claimants: [] }, subject())).toEqual([]);
});
