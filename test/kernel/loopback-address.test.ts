import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ensureLocalAddress, removeLoopbackAddress } from "../../src/reach/loopback-address.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";

requireTestKernel();
setDefaultTimeout(120_000);

describe("addresses of the loopback link", () => {
  test.each([
    ["10.103.97.12", "inet 10.103.97.12/32 scope global lo:lvscare"],
    ["fd00::12", "inet6 fd00::12/128 scope global nodad"],
  ])("%s comes and goes, and can be bound at once", async (address, line) => {
    expect(await ensureLocalAddress(address)).toBe("added");
    expect(addressesOfLo()).toContain(line);
    using _ = Bun.listen({ hostname: address, port: 0, socket: { data: () => undefined } });
    expect(await ensureLocalAddress(address)).toBe("already-local");
    expect(await removeLoopbackAddress(address)).toBe(true);
    expect(await removeLoopbackAddress(address)).toBe(false);
    expect(addressesOfLo()).not.toContain(line);
  });

  test("an address of another link is left alone", async () => {
    ip("link", "add", "other0", "type", "dummy");
    ip("addr", "add", "10.103.97.13/24", "dev", "other0");
    expect(await ensureLocalAddress("10.103.97.13")).toBe("already-local");
    expect(await removeLoopbackAddress("10.103.97.13")).toBe(false);
    expect(ip("-4", "addr", "show", "dev", "other0")).toContain("10.103.97.13/24");
  });

  test("an address that somebody else gave to lo is left alone", async () => {
    ip("addr", "add", "10.103.97.14/32", "dev", "lo");
    expect(await ensureLocalAddress("10.103.97.14")).toBe("already-local");
    expect(await removeLoopbackAddress("10.103.97.14")).toBe(false);
    expect(ip("addr", "show", "dev", "lo")).toContain("10.103.97.14/32");
    ip("addr", "del", "10.103.97.14/32", "dev", "lo");
  });

  test("the loopback address itself is left alone", async () => {
    expect(await ensureLocalAddress("127.0.0.1")).toBe("already-local");
    expect(await removeLoopbackAddress("127.0.0.1")).toBe(false);
    expect(addressesOfLo()).toContain("inet 127.0.0.1/8 scope host lo");
  });
});

function ip(...argv: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["ip", ...argv]);
  if (exitCode !== 0) throw new Error(`ip ${argv.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

function addressesOfLo(): readonly string[] {
  return ip("addr", "show", "dev", "lo")
    .split("\n")
    .map((line) => line.trim());
}
