import { describe, expect, test } from "bun:test";
import { interfaceNames, likelyCulprit, neighbours } from "../../src/app/culprit.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";

const VS = parseEndpoint("10.103.97.2:6443");
const PROXY = { pid: 12, name: "kube-proxy" };

describe("who keeps undoing our work", () => {
  test("kube-proxy in IPVS mode, with the CIDR to exclude", () => {
    const text = likelyCulprit(VS, [PROXY], ["lo", "eth0", "kube-ipvs0"]);
    expect(text).toContain("kube-proxy in IPVS mode (pid 12)");
    expect(text).toContain("add 10.103.97.2/32 to ipvs.excludeCIDRs");
    expect(likelyCulprit(parseEndpoint("[fd00::2]:443"), [], ["kube-ipvs0"])).toContain("fd00::2/128");
  });

  test("not kube-proxy in another mode", () => {
    expect(likelyCulprit(VS, [PROXY], ["lo", "eth0"])).toContain("ipvsadm");
  });

  test("keepalived, or another lvscare", () => {
    expect(likelyCulprit(VS, [{ pid: 7, name: "keepalived" }], ["lo"])).toStartWith("keepalived (pid 7)");
    expect(likelyCulprit(VS, [{ pid: 8, name: "lvscare" }], ["lo"])).toStartWith("another lvscare (pid 8)");
  });

  test("looks at the interfaces of this network namespace", () => {
    expect(interfaceNames()).toContain("lo");
  });

  test("looks at the processes beside us", async () => {
    await using other = Bun.spawn(["sleep", "60"]);
    expect(neighbours()).toContainEqual({ pid: other.pid, name: "sleep" });
    expect(neighbours().map(({ pid }) => pid)).not.toContain(process.pid);
  });
});
