import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags } from "./support/care-flags.ts";
import { EchoServers } from "./support/echo-server.ts";
import { runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(120_000);

/** The virtual address of both: no address of this host before the proxy makes it one. */
const IP = "10.96.0.9";
const FIRST = `${IP}:9110`;
const SECOND = `${IP}:9111`;
const SERVER = "127.0.0.1:8081";

let namespace: Namespace;
let echo: EchoServers;
beforeAll(async () => {
  namespace = await Namespace.create();
  echo = await EchoServers.start(namespace, [SERVER]);
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
});

test("the proxy makes the virtual address local, and cleaning up takes it away with the last who needs it", async () => {
  await using first = await serving(FIRST);
  await using second = await serving(SECOND);
  expect(await curl(FIRST)).toBe(SERVER);
  expect(await addressesOfLo()).toContain(IP);

  await first.stop();
  const shared = await runLvscare(namespace, ["care", "--vs", FIRST, "-C"]);
  expect([shared.exitCode, shared.stderr]).toEqual([
    0,
    expect.stringContaining(`${IP} stays: a daemon still cares for it`),
  ]);
  expect(await curl(SECOND)).toBe(SERVER);

  await second.stop();
  expect((await runLvscare(namespace, ["care", "--vs", SECOND, "-C"])).exitCode).toBe(0);
  expect(await addressesOfLo()).not.toContain(IP);
});

test("an address that somebody takes away is there again at once, and that is said", async () => {
  await using care = await serving(FIRST);
  await namespace.exec("ip", "address", "delete", `${IP}/32`, "dev", "lo");
  await care.waitForLog(/^WARN repaired what someone else changed: local address 10\.96\.0\.9 \(missing\)$/);
  expect(await curl(FIRST)).toBe(SERVER);
  await care.stop();
  expect((await runLvscare(namespace, ["care", "--vs", FIRST, "-C"])).exitCode).toBe(0);
});

test("a start that fails leaves no address behind", async () => {
  await using taken = await EchoServers.start(namespace, [`0.0.0.0:9112`]);
  const failed = await runLvscare(namespace, ["care", ...careFlags([SERVER], `${IP}:9112`), "--data-plane=userspace"]);
  expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining("listen on 10.96.0.9:9112")]);
  expect(await addressesOfLo()).not.toContain(IP);
  expect(taken).toBeDefined();
});

async function serving(vs: string): Promise<CareProcess> {
  const daemon = startCare(namespace, [...careFlags([SERVER], vs), "--data-plane=userspace"]);
  await daemon.waitForLog(/DEBUG add real server/);
  return daemon;
}

async function curl(vs: string): Promise<string> {
  return namespace.exec("curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", `http://${vs}/`);
}

function addressesOfLo(): Promise<string> {
  return namespace.exec("ip", "addr", "show", "dev", "lo");
}
