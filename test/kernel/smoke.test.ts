import { afterAll, beforeAll, expect, test } from "bun:test";
import { realpathSync } from "node:fs";
import { release } from "node:os";
import { hideModule } from "./harness/hidden-module.ts";
import { currentOffers } from "./harness/labs.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { runCommand } from "./harness/run-command.ts";
import { lvscareBinary } from "./support/lvscare.ts";

requireTestKernel();

const namespace = "smoke";

beforeAll(async () => {
  await run("ip", "netns", "add", namespace);
  // Without a single route the kernel takes no address for unicast, and refuses the real server.
  await run("ip", "-n", namespace, "link", "set", "lo", "up");
});

afterAll(async () => {
  await run("ip", "netns", "delete", namespace);
});

test("runs on a kernel that has IPVS", async () => {
  console.log(`kernel ${release()}`);
  expect(await inNamespace("ipvsadm", "-Ln")).toStartWith("IP Virtual Server version");
});

test("finds the checkout's own lvscare by its name", async () => {
  expect(realpathSync(Bun.which("lvscare") ?? "")).toBe(realpathSync(lvscareBinary()));
  expect(await run("lvscare", "version")).toContain('"gitVersion"');
});

if (process.env["LVSCARE_LAB"] === "uml") {
  test("starts programs with all pages of their code, each of which is dear here", async () => {
    const code = /r-xp .*\/libc\.so\.6\nSize: +(\d+) kB\n[^]*?\nRss: +(\d+) kB\n/.exec(
      await run("cat", "/proc/self/smaps"),
    );
    expect(Number(code?.[1])).toBeGreaterThan(0);
    expect(code?.[2]).toBe(code?.[1]);
  });
}

test("keeps a virtual server, and loads its scheduler by itself", async () => {
  await inNamespace("ipvsadm", "-A", "-t", "10.0.0.1:80", "-s", "wlc");
  await inNamespace("ipvsadm", "-a", "-t", "10.0.0.1:80", "-r", "10.0.0.2:8080", "-m", "-w", "3");
  expect(await inNamespace("ipvsadm", "-Sn")).toBe(
    "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3\n",
  );
  expect(await Bun.file("/proc/modules").text()).toContain("ip_vs_wlc ");
});

test("leaves other namespaces alone", async () => {
  expect(await run("ipvsadm", "-Sn")).toBe("");
});

test.skipIf(!currentOffers().ownModules)("lacks a module that a test hides", async () => {
  {
    await using _hidden = await hideModule("ip_vs_sed");
    await expect(addSedServer()).rejects.toThrow("Scheduler or persistence engine not found");
  }
  await addSedServer();
});

function addSedServer(): Promise<string> {
  return inNamespace("ipvsadm", "-A", "-t", "10.0.0.3:80", "-s", "sed");
}

function inNamespace(...argv: string[]): Promise<string> {
  return run("ip", "netns", "exec", namespace, ...argv);
}

function run(...argv: string[]): Promise<string> {
  return runCommand(argv, { timeoutMs: 60_000 });
}
