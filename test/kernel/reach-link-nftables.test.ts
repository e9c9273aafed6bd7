import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { hasNftables } from "../../src/reach/link/nft-rules.ts";
import { hideModule } from "./harness/hidden-module.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { runCommand } from "./harness/run-command.ts";
import { CARE, LinkHosts, VS } from "./support/link-hosts.ts";
import type { Namespace } from "./support/namespace.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel({ nftables: true, everyVersion: true });
setDefaultTimeout(120_000);

let hosts: LinkHosts;
let node: Namespace;
let outside: Namespace;
let pod: Namespace;
beforeAll(async () => {
  hosts = await LinkHosts.start();
  ({ node, outside, pod } = hosts);
});
afterEach(() => hosts.reset());
afterAll(() => hosts[Symbol.asyncDispose]());

describe("link mode beside nftables", () => {
  test("leaves the rules of others alone", async () => {
    await node.exec("nft", "add table ip theirs; add chain ip theirs c { type nat hook postrouting priority 100 ; }");
    const theirs = await node.exec("nft", "list", "ruleset");
    expect((await hosts.once(...CARE)).exitCode).toBe(0);
    await hosts.expectAll(pod);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("nft", "list", "ruleset")).toBe(theirs);
    await node.exec("nft", "delete", "table", "ip", "theirs");
  });

  test("finds by trying that nftables has all it takes, which leaves nothing", async () => {
    const before = await runCommand(["nft", "list", "ruleset"], { timeoutMs: 20_000 });
    expect(hasNftables()).toBe(true);
    expect(await runCommand(["nft", "list", "ruleset"], { timeoutMs: 20_000 })).toBe(before);
  });

  test("works by iptables where the kernel has no nftables", async () => {
    await using _ = await withoutNftables();
    expect((await hosts.once(...CARE)).exitCode).toBe(0);
    expect(await node.exec("iptables-legacy", "-w", "60", "-t", "nat", "-S")).toContain(
      "-A LVSCARE-SERVICES -d 10.103.97.2/32",
    );
    for (const from of [node, outside, pod]) await hosts.expectAll(from);
    const before = await node.exec("iptables-legacy", "-w", "60", "-t", "nat", "-S");
    expect((await hosts.once(...CARE)).exitCode).toBe(0);
    expect(await node.exec("iptables-legacy", "-w", "60", "-t", "nat", "-S")).toBe(before);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("iptables-legacy", "-w", "60", "-t", "nat", "-S")).not.toContain("LVSCARE");
  });
});

// --- internal ---

/** No nftables until disposed of; what uses it is unloaded first. What other tests loaded goes first; and the kernel takes its time to forget the tables of namespaces that are gone. */
async function withoutNftables(): Promise<AsyncDisposable> {
  await waitFor(
    async () => {
      for (const user of await readdir("/sys/module/nf_tables/holders").catch(() => []))
        await node.run(["modprobe", "--remove", user]);
      return (await node.run(["modprobe", "--remove", "nf_tables"])).exitCode;
    },
    (exitCode) => exitCode === 0,
  );
  return hideModule("nf_tables");
}
