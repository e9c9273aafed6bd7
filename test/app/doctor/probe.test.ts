import { expect, test } from "bun:test";
import { judgeProbe } from "../../../src/app/doctor/probe.ts";
import type { ProbeStatus, SuspicionStatus } from "../../../src/domain/status.ts";
import { DAEMON, subject } from "./subjects.ts";

test.each<[probe: ProbeStatus, told: RegExp | undefined]>([
  [
    { type: "kube-apiserver", timeoutMs: 3000, path: "/readyz" },
    /^while etcd hangs, \/readyz answers after 4s: a timeout of 3s .*5s or more/,
  ],
  [{ type: "kube-apiserver", timeoutMs: 4000, path: "/readyz" }, /after 4s: a timeout of 4s/],
  [{ type: "kube-apiserver", timeoutMs: 5000, path: "/readyz" }, undefined],
  [
    { type: "kube-apiserver", timeoutMs: 2000, path: "/livez" },
    /\/livez answers after 2s: a timeout of 2s .*3s or more/,
  ],
  [{ type: "kube-apiserver", timeoutMs: 3000, path: "/livez" }, undefined],
  [{ type: "http", timeoutMs: 1000, path: "/readyz" }, undefined],
  [{ type: "tcp", timeoutMs: 1000 }, undefined],
])("of %p it tells %p", (probe, told) => {
  const [finding, ...others] = saidOf({ probes: [{ type: "exec", timeoutMs: 1 }, probe] });
  expect(others).toEqual([]);
  if (told === undefined) expect(finding).toBeUndefined();
  else expect(finding).toMatch(told);
});

test("tells of a probe that is not trusted, and what to take back", () => {
  const suspicion: SuspicionStatus = {
    since: "2026-11-24T02:39:56Z",
    reason: "status 404",
    servers: ["192.168.0.2:6443"],
    changes: ["path: /reedyz"],
  };
  expect(saidOf({ suspicion })).toEqual([
    "the changed probe (path: /reedyz) lets no real server serve (status 404), so the one before it decides; a daemon that starts anew has none before it: take back path: /reedyz, or mend what it asks for; `lvscare check` shows what it finds",
  ]);
});

test("of nobody's virtual server it says nothing", () => {
  expect(judgeProbe(subject())).toEqual([]);
});

// --- internal ---

function saidOf(facts: { readonly probes?: readonly ProbeStatus[]; readonly suspicion?: SuspicionStatus }): string[] {
  if (DAEMON === undefined) throw new Error("there is one");
  return judgeProbe(subject({ daemon: { ...DAEMON, ...facts } })).map(
    ({ message, remedy = "", state, check, virtualServer }) => {
      expect([state, check, virtualServer]).toEqual(["note", "probe", "tcp 10.103.97.2:6443"]);
      return `${message}: ${remedy}`;
    },
  );
}
