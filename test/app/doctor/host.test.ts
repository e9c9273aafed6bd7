import { describe, expect, test } from "bun:test";
import { judgeCapability, readCapability } from "../../../src/app/doctor/capability.ts";
import { judgeFirewall, type FirewallReadings } from "../../../src/app/doctor/firewall.ts";
import { judgeKernel, schedulerModules, type KernelReadings } from "../../../src/app/doctor/kernel.ts";
import { judgeNeighbours } from "../../../src/app/doctor/neighbours.ts";
import {
  droppedByReversePath,
  judgeReversePath,
  type ReversePathReadings,
} from "../../../src/app/doctor/reverse-path.ts";
import { judgeSettings, readSettings, type Setting } from "../../../src/app/doctor/settings.ts";
import { LvscareError } from "../../../src/domain/errors.ts";
import type { Finding } from "../../../src/domain/finding.ts";
import { DAEMON, subject } from "./subjects.ts";

describe("the kernel", () => {
  const healthy: KernelReadings = {
    release: "6.1.0-56-amd64",
    via: "libnl",
    rehearsals: new Map([["rr", undefined]]),
    modules: { loaded: ["rr"], available: ["rr", "wrr", "mh"] },
    isSpared: false,
  };
  const missing = new LvscareError("MODULE_MISSING", "this kernel has no IPVS", { remedy: "run `modprobe ip_vs`" });

  test("with IPVS and the wanted scheduler is fine, and its other schedulers are listed", () => {
    const findings = judgeKernel(healthy);
    expect(states(findings)).toEqual(["kernel ok", "ipvs ok", "scheduler ok", "schedulers ok"]);
    expect(findings.at(-1)?.message).toBe("others that there are: wrr, mh");
  });

  test("without IPVS is a problem, but none to who has the userspace data plane", () => {
    const without = { ...healthy, rehearsals: new Map([["rr", missing]]) };
    expect(judgeKernel(without)[1]).toEqual({
      state: "problem",
      check: "ipvs",
      message: "this kernel has no IPVS",
      remedy: "run `modprobe ip_vs`",
    });
    expect(states(judgeKernel({ ...without, isSpared: true }))).toEqual(["kernel ok", "ipvs note"]);
  });

  test("that does not let us look is unknown", () => {
    const refused = new LvscareError("NOT_PERMITTED", "the kernel does not let this process change IPVS");
    expect(states(judgeKernel({ ...healthy, rehearsals: new Map([["rr", refused]]) }))).toEqual([
      "kernel ok",
      "ipvs unknown",
    ]);
  });

  test("without one of the schedulers has that problem alone", () => {
    const error = new LvscareError("SCHEDULER_MISSING", "the kernel has no scheduler nq");
    const findings = judgeKernel({
      ...healthy,
      rehearsals: new Map([
        ["rr", undefined],
        ["nq", error],
      ]),
    });
    expect(states(findings)).toEqual(["kernel ok", "ipvs ok", "scheduler ok", "scheduler problem", "schedulers ok"]);
    expect(findings[3]?.remedy).toBe("run `modprobe ip_vs_nq`");
  });

  test("whose list of modules is elsewhere may have more schedulers", () => {
    const findings = judgeKernel({ ...healthy, modules: { loaded: ["rr"], available: undefined } });
    expect(findings.at(-1)).toMatchObject({ state: "unknown", message: expect.stringContaining("(loaded: rr)") });
  });

  test("of old is noted", () => {
    expect(judgeKernel({ ...healthy, release: "4.19.0-27-amd64" })[0]?.state).toBe("note");
    expect(judgeKernel({ ...healthy, release: "5.10.0" })[0]?.state).toBe("ok");
  });

  test("names its schedulers in the files it has", () => {
    expect(
      schedulerModules("ip_vs_sh 16384 2 - Live 0x0\nip_vs_rr 16384 2 - Live\nip_vs 192512 4 ip_vs_sh,ip_vs_rr"),
    ).toEqual(["rr", "sh"]);
    const dep = "kernel/net/netfilter/ipvs/ip_vs_wlc.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko.xz\n";
    expect(
      schedulerModules(`${dep}kernel/net/netfilter/ipvs/ip_vs_ftp.ko: x\nkernel/net/netfilter/ipvs/ip_vs_mh.ko`),
    ).toEqual(["wlc", "mh"]);
  });
});

describe("rights", () => {
  test("are CAP_NET_ADMIN, of the host's root and not of a user namespace's", () => {
    const all = "Name:\tx\nCapEff:\t000001ffffffffff\n";
    const host = "         0          0 4294967295\n";
    expect(states(judgeCapability(readCapability(all, host)))).toEqual(["capability ok"]);
    expect(states(judgeCapability(readCapability("CapEff:\t0000000000001000\n", host)))).toEqual(["capability ok"]);
    expect(states(judgeCapability(readCapability("CapEff:\t0000000000000fff\n", host)))).toEqual([
      "capability problem",
    ]);
    expect(states(judgeCapability(readCapability(all, "0 1000 1\n")))).toEqual([
      "capability ok",
      "user-namespace note",
    ]);
  });
});

describe("settings", () => {
  const mild: Setting = {
    name: "net/ipv4/vs/expire_nodest_conn",
    wanted: "1",
    why: "connections end",
    actual: "0",
    isNeeded: false,
  };
  const needed: Setting = { ...mild, name: "net/ipv4/vs/conntrack", isNeeded: true };

  test("that are as they should be are one finding", () => {
    const settings = [mild, needed].map((setting) => ({ ...setting, actual: "1" }));
    expect(states(judgeSettings({ settings, isWritable: true, isKept: false }))).toEqual(["sysctl ok"]);
  });

  test("that only make failures milder are notes, with what to type", () => {
    expect(judgeSettings({ settings: [mild], isWritable: true, isKept: true })).toEqual([
      {
        state: "note",
        check: "sysctl",
        message: "net.ipv4.vs.expire_nodest_conn is 0; with 1, connections end",
        remedy: "`sysctl -w net.ipv4.vs.expire_nodest_conn=1`",
      },
    ]);
  });

  test("that nothing works without are a problem where no daemon will set them", () => {
    const judge = (isWritable: boolean, isKept: boolean): string[] =>
      states(judgeSettings({ settings: [needed], isWritable, isKept }));
    expect(judge(true, false)).toEqual(["sysctl note"]);
    expect(judge(true, true)).toEqual(["sysctl problem"]);
    expect(judge(false, false)).toEqual(["sysctl problem", "sysctl note"]);
  });

  test("that are not there yet are unknown", () => {
    const settings = [{ ...mild, actual: undefined }];
    expect(states(judgeSettings({ settings, isWritable: true, isKept: false }))).toEqual(["sysctl unknown"]);
  });

  test("are those of each virtual server's mode and family, once each", () => {
    const names = (mode: "route" | "link", vs: string): string[] =>
      readSettings([subject({ mode }, vs), subject({ mode }, vs)], "none", "/nowhere").settings.map(({ name }) => name);
    expect(names("route", "10.0.0.1:80")).toContain("net/ipv4/vs/sloppy_tcp");
    expect(names("link", "10.0.0.1:80")).toContain("net/ipv4/ip_forward");
    expect(names("link", "[fd00::1]:80")).toContain("net/ipv6/conf/all/forwarding");
    expect(new Set(names("link", "10.0.0.1:80")).size).toBe(names("link", "10.0.0.1:80").length);
    expect(readSettings([subject({ mode: "link", plane: "userspace" })], "route", "/nowhere").settings).toEqual(
      readSettings([], "route", "/nowhere").settings,
    );
  });
});

describe("the reverse-path filter", () => {
  const two = (first: number, second: number): ReversePathReadings["interfaces"] => [
    { name: "eth0", value: first },
    { name: "eth1", value: second },
  ];

  test.each([
    { all: 0, interfaces: two(0, 0), dropped: 0, state: "ok" },
    { all: 0, interfaces: two(2, 2), dropped: 0, state: "ok" },
    // The greater value counts: loose everywhere.
    { all: 2, interfaces: two(1, 1), dropped: 0, state: "ok" },
    { all: 1, interfaces: two(2, 2), dropped: 0, state: "ok" },
    { all: 1, interfaces: two(0, 2), dropped: 0, state: "note" },
    { all: 0, interfaces: two(1, 0), dropped: 0, state: "note" },
    { all: 1, interfaces: two(0, 0).slice(1), dropped: 0, state: "ok" },
    { all: 1, interfaces: two(0, 0), dropped: 3, state: "problem" },
  ])("is strict where the greater value is 1 (row %#: $state)", ({ state, ...readings }) => {
    expect(judgeReversePath(readings).state).toBe(state as Finding["state"]);
  });

  test("counts what it drops", () => {
    const netstat = "TcpExt: SyncookiesSent IPReversePathFilter TW\nTcpExt: 5 17 9\nIpExt: InNoRoutes\nIpExt: 4\n";
    expect(droppedByReversePath(netstat)).toBe(17);
    expect(droppedByReversePath("IpExt: InNoRoutes\nIpExt: 4\n")).toBe(0);
    expect(droppedByReversePath()).toBeGreaterThanOrEqual(0);
  });
});

describe("the firewall", () => {
  const modern: FirewallReadings = {
    nftables: true,
    iptables: "iptables v1.8.9 (nf_tables)",
    legacyTables: [],
    isNeeded: true,
  };

  test("is fine with nftables, with iptables over it or without", () => {
    expect(judgeFirewall(modern).map(({ state, message }) => [state, message])).toEqual([
      ["ok", "the kernel has nftables, and answers over netlink"],
      ["ok", "iptables v1.8.9, back end nf_tables"],
    ]);
    expect(states(judgeFirewall({ ...modern, iptables: undefined }))).toEqual(["nftables ok", "iptables ok"]);
  });

  test("without nftables keeps link mode from masquerading, unless there is iptables", () => {
    const without = { ...modern, nftables: false, iptables: undefined };
    expect(judgeFirewall(without)[0]).toMatchObject({ state: "problem", remedy: "`modprobe nf_tables` on the host" });
    expect(judgeFirewall({ ...without, isNeeded: false })[0]?.state).toBe("note");
    const legacy = judgeFirewall({ ...without, iptables: "iptables v1.6.1" });
    expect(legacy.map(({ state }) => state)).toEqual(["note", "ok"]);
    expect(legacy[1]?.message).toBe("iptables v1.6.1, back end legacy");
  });

  test("with legacy tables beside nftables has rules that are easily overlooked", () => {
    const both = judgeFirewall({ ...modern, legacyTables: ["nat", "filter"] });
    expect(both[2]).toMatchObject({ state: "note", remedy: expect.stringContaining("`iptables-legacy-save`") });
    const old = judgeFirewall({ ...modern, iptables: "iptables v1.8.9 (legacy)", legacyTables: ["nat"] });
    expect(old[2]?.state).toBe("ok");
  });

  test("that may not be asked is unknown", () => {
    expect(judgeFirewall({ ...modern, nftables: { unknownBecause: "no" } })[0]).toMatchObject({ state: "unknown" });
  });
});

describe("neighbours", () => {
  const lvscare = { pid: 8, name: "lvscare", argv: ["lvscare", "care", "--vs", "10.0.0.1:80", ""] };

  test("are keepalived, and daemons of ours that nobody told of", () => {
    const keepalived = { pid: 9, name: "keepalived", argv: ["keepalived", ""] };
    const findings = judgeNeighbours([lvscare, keepalived], [subject()]);
    expect(findings.map(({ state, message }) => [state, message])).toEqual([
      ["note", "another lvscare (pid 8) runs here, for 10.0.0.1:80"],
      ["note", "keepalived (pid 9) runs here and may balance the same address"],
    ]);
  });

  test("are not the daemons that answered, nor who only asks", () => {
    const known = subject({ daemon: { pid: 8, isFailOpen: false } });
    const asking = { pid: 10, name: "lvscare", argv: ["lvscare", "status", ""] };
    expect(states(judgeNeighbours([lvscare, asking], [known]))).toEqual(["neighbours ok"]);
    expect(states(judgeNeighbours([], [subject({ daemon: DAEMON })]))).toEqual(["neighbours ok"]);
  });
});

function states(findings: readonly Finding[]): string[] {
  return findings.map(({ check, state }) => `${check} ${state}`);
}
