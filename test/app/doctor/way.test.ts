import { expect, test } from "bun:test";
import { judgeReach, judgeWay, readWay, type Way } from "../../../src/app/doctor/route.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import { DAEMON, subject } from "./subjects.ts";

const LOCAL: Way = { kind: "local", device: "lo" };
const VIA: Way = { kind: "via", device: "eth0", gateway: "10.0.0.5" };
const NONE: Way = { kind: "none", errno: "ENETUNREACH", node: "10.0.0.5" };

test.each([
  { way: LOCAL, changes: {}, state: "ok" },
  { way: LOCAL, changes: { mode: "link" as const }, state: "ok" },
  { way: LOCAL, changes: { plane: "userspace" as const }, state: "ok" },
  { way: VIA, changes: {}, state: "ok" },
  { way: VIA, changes: { mode: undefined }, state: "ok" },
  { way: VIA, changes: { mode: "link" as const }, state: "problem" },
  { way: VIA, changes: { mode: "link" as const, plane: undefined }, state: "ok" },
  { way: VIA, changes: { plane: "userspace" as const }, state: "problem" },
  { way: NONE, changes: {}, state: "problem" },
  // Whoever sets it up makes the way.
  { way: NONE, changes: { plane: undefined }, state: "note" },
  { way: NONE, changes: { plane: undefined, mode: "none" as const }, state: "problem" },
])("the way fits how it is meant to be reached, or not (row %#)", ({ way, changes, state }) => {
  expect(judgeWay(way, subject(changes)).state).toBe(state as "ok");
});

test("no way at all comes with a command that makes one", () => {
  expect(judgeWay(NONE, subject()).remedy).toStartWith("`ip route add 10.103.97.2/32 via 10.0.0.5`");
  expect(judgeWay(NONE, subject({}, "[fd00::1]:80")).remedy).toStartWith("`ip addr add fd00::1/128 dev lo`");
  expect(judgeWay({ ...NONE, errno: "EACCES" }, subject()).message).toEndWith("a route prohibits it");
});

test("asks the kernel", () => {
  expect(readWay(parseEndpoint("127.0.0.9:80"))).toEqual({ kind: "local", device: "lo" });
});

test("tells what the daemon cannot keep", () => {
  const object = { name: "route a", since: "2026-01-01T00:00:00Z" };
  const reach = {
    mode: "route" as const,
    objects: [
      { ...object, state: "stands" as const },
      { ...object, name: "route b", state: "failed" as const, problem: "ENETUNREACH" },
    ],
  };
  expect(judgeReach(subject({ daemon: { pid: 7, isFailOpen: false, reach } }))).toEqual([
    expect.objectContaining({ state: "problem", message: "the daemon cannot keep route b: ENETUNREACH" }),
  ]);
  expect(judgeReach(subject({ daemon: DAEMON }))).toEqual([]);
});
