import { describe, expect, test } from "bun:test";
import { configOfFile, configOfFlags, configPath } from "../../../src/app/doctor/kube-proxy-config.ts";
import { judgeKubeProxy, readKubeProxy, type KubeProxyReadings } from "../../../src/app/doctor/kube-proxy.ts";
import { subject } from "./subjects.ts";

const NONE: KubeProxyReadings = {
  pid: undefined,
  hasInterface: false,
  toldMode: undefined,
  config: { unknownBecause: "its process is not to be seen from here" },
};
const IPVS: KubeProxyReadings = {
  pid: 12,
  hasInterface: true,
  toldMode: "ipvs",
  config: { mode: "ipvs", excludeCidrs: [] },
};
const KEY = "tcp 10.103.97.2:6443";

describe("kube-proxy", () => {
  test("that does not run is no matter", async () => {
    expect(judgeKubeProxy(NONE, [subject()])).toEqual([
      { state: "ok", check: "kube-proxy", message: "none runs here" },
    ]);
    expect(await readKubeProxy([], [])).toMatchObject({ pid: undefined, hasInterface: false });
  });

  test.each(["iptables", "nftables"])(
    "in %s mode leaves IPVS alone, but for what the latter does at its start",
    (mode) => {
      const findings = judgeKubeProxy({ ...NONE, pid: 12, config: { mode, excludeCidrs: [] } }, [subject()]);
      const atStart = [
        "note",
        expect.stringContaining("starts in nftables mode it empties the whole table of IPVS once"),
      ];
      expect(findings.map(({ state, message }) => [state, message])).toEqual([
        ["ok", `kube-proxy (pid 12) is in ${mode} mode and leaves IPVS alone`],
        ...(mode === "nftables" ? [atStart] : []),
      ]);
    },
  );

  test("in another mode may have left its interface behind", () => {
    const findings = judgeKubeProxy({ ...IPVS, toldMode: "iptables" }, [subject()]);
    expect(findings.map(({ state }) => state)).toEqual(["ok", "note"]);
    expect(findings[1]?.remedy).toStartWith("`ip link delete kube-ipvs0`");
  });

  test("in IPVS mode deletes what it is not told to leave alone, in each family", () => {
    const excluding = (...excludeCidrs: string[]): KubeProxyReadings => ({
      ...IPVS,
      config: { mode: "ipvs", excludeCidrs },
    });
    const both = [subject(), subject({}, "[fd00:96::1]:443")];
    const judge = (readings: KubeProxyReadings): string[] =>
      judgeKubeProxy(readings, both)
        .slice(1)
        .map(({ state }) => state);
    expect(judge(excluding())).toEqual(["problem", "problem"]);
    expect(judge(excluding("10.103.97.0/24"))).toEqual(["ok", "problem"]);
    expect(judge(excluding("10.0.0.0/8", "fd00::/8"))).toEqual(["ok", "ok"]);
    expect(judge(excluding("10.103.97.3/32", "nonsense"))).toEqual(["problem", "problem"]);
    expect(judgeKubeProxy(excluding(), [subject()])[1]).toEqual({
      state: "problem",
      check: "kube-proxy",
      message: "it deletes this virtual server again and again: its ipvs.excludeCIDRs are empty",
      remedy: expect.stringMatching(/^add 10\.103\.97\.2\/32 to ipvs\.excludeCIDRs: `kubectl .*edit.*rollout restart/),
      virtualServer: KEY,
    });
  });

  test("is known to be in IPVS mode by its interface alone, but not what it excludes", () => {
    const findings = judgeKubeProxy({ ...NONE, hasInterface: true }, [subject()]);
    expect(findings.map(({ state }) => state)).toEqual(["ok", "unknown"]);
    expect(findings[1]).toMatchObject({
      message: expect.stringContaining("its process is not to be seen from here"),
      remedy: expect.stringContaining("get configmap kube-proxy"),
    });
  });
});

describe("its configuration", () => {
  test("stands in the file that its command line names", () => {
    const argv = ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=a"];
    expect(configPath(argv)).toBe("/var/lib/kube-proxy/config.conf");
    expect(configPath(["kube-proxy", "-config", "a.conf"])).toBe("a.conf");
    expect(configPath(["kube-proxy", "--config-sync-period=15m"])).toBeUndefined();
    const text =
      "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nipvs:\n  excludeCIDRs:\n  - 10.0.0.0/8\n  - fd00::/8\nmode: ipvs\n";
    expect(configOfFile(text)).toEqual({ mode: "ipvs", excludeCidrs: ["10.0.0.0/8", "fd00::/8"] });
    expect(configOfFile('{"mode":"","ipvs":{"excludeCIDRs":null}}')).toEqual({ mode: "", excludeCidrs: [] });
    expect(configOfFile("")).toEqual({ mode: "", excludeCidrs: [] });
    expect(() => configOfFile("a: [")).toThrow();
  });

  test("or else in its flags", () => {
    const argv = [
      "kube-proxy",
      "--proxy-mode=ipvs",
      "--ipvs-exclude-cidrs=10.0.0.0/8,fd00::/8",
      "--ipvs-exclude-cidrs",
      "::/0",
    ];
    expect(configOfFlags(argv)).toEqual({ mode: "ipvs", excludeCidrs: ["10.0.0.0/8", "fd00::/8", "::/0"] });
    expect(configOfFlags(["kube-proxy"])).toEqual({ mode: "", excludeCidrs: [] });
  });
});
