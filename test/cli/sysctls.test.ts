import { expect, test } from "bun:test";
import { runProgram } from "./run-program.ts";

test.each([
  ["--mode link", ["net.ipv4.vs.conntrack = 1", "net.ipv4.ip_forward = 1"], ["sloppy_tcp", "arp_ignore"]],
  ["--mode route", ["net.ipv4.vs.sloppy_tcp = 1", "net.ipv4.vs.expire_nodest_conn = 1"], ["conntrack", "forward"]],
  ["--mode link --family ipv6", ["net.ipv6.conf.all.forwarding = 1"], ["ip_forward"]],
  ["--mode link --strict-arp", ["net.ipv4.conf.all.arp_ignore = 1"], []],
])("lvscare sysctls %s prints lines for /etc/sysctl.d, each with its reason", async (flags, has, hasNot) => {
  const { code, stdout } = await runProgram(["sysctls", ...flags.split(" ")]);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  for (const line of has) expect(lines).toContain(line);
  for (const word of hasNot) expect(stdout).not.toContain(word);
  expect(lines.filter((line) => line.startsWith("# "))).toHaveLength(lines.length / 2);
});

test("a mode that there is not is refused", async () => {
  const { code, stderr } = await runProgram(["sysctls", "--mode", "bridge"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("--mode")]);
});
