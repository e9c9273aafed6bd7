import { afterAll, afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../probe/http/support/certificates.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { Agents } from "./support/agents.ts";
import { Client } from "./support/client.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { ServerFarm } from "./support/server-farm.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const VS = "127.1.0.1:80";
const A = "127.0.1.1:80";
const B = "127.0.1.2:80";

let namespace: Namespace;
let servers: ServerFarm;
const folder = mkdtempSync(join(tmpdir(), "lvscare-checks-"));
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  namespace = await Namespace.create();
  servers = await ServerFarm.start(namespace);
  await servers.behave("healthy", [A, B]);
});

afterEach(async () => {
  await servers[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
});

test("a server that says that it shuts down is drained at the next check, without an error of any client, and goes when it has ended", async () => {
  const probe = { type: "http", scheme: "http", path: "/healthz", "drain-on": [404] };
  // Of failures it would take three.
  await using care = startCare(namespace, ["--config", configuration(probe, { fall: 3 })]);
  await waitForTable(namespace, table({ [A]: 1, [B]: 1 }));
  await using client = await Client.start(namespace, VS);
  await client.begin();
  await client.answersCome(4);
  await servers.behave({ checks: "leaving" }, [B]);
  await waitForTable(namespace, table({ [A]: 1, [B]: 0 }));
  await care.waitForLog(
    /^INFO tcp 127\.1\.0\.1:80: real server 127\.0\.1\.2:80 healthy → draining: status 404: it is shutting down$/,
  );
  // It goes on serving, and stays for as long as it says so.
  await care.waitForLog(/^DEBUG tcp 127\.1\.0\.1:80: probe of 127\.0\.1\.2:80 leaving in/);
  const answers = await client.finish();
  expect(Object.keys(answers).toSorted()).toEqual([A, B]);
  expect(await client.request(5)).toEqual({ [A]: 5 });
  expect(tableOf(namespace)).toEqual(table({ [A]: 1, [B]: 0 }));
  await servers.behave("dead", [B]);
  await waitForTable(namespace, table({ [A]: 1 }));
  await servers.behave("healthy", [B]);
  await waitForTable(namespace, table({ [A]: 1, [B]: 1 }));
});

test("an API server that is told to end, and serves on for five seconds, loses no client", async () => {
  const [checkedA, checkedB] = ["127.0.1.1:6443", "127.0.1.2:6443"];
  await servers.behave("healthy", [checkedA, checkedB], selfSigned(["127.0.1.1"]));
  const probe = { type: "kube-apiserver", port: 6443 };
  await using care = startCare(namespace, ["--config", configuration(probe, { fall: 3 })]);
  await waitForTable(namespace, table({ [A]: 1, [B]: 1 }));
  await using client = await Client.start(namespace, VS);
  await client.begin();
  await client.answersCome(4);
  await servers.behave({ endsAfterMs: 5000 }, [B, checkedB]);
  // At its next check, which is no failure.
  await waitForTable(namespace, table({ [A]: 1, [B]: 0 }));
  await care.waitForLog(/real server 127\.0\.1\.2:80 healthy → draining: 127\.0\.1\.2:6443: readyz: shutdown$/);
  await waitForTable(namespace, table({ [A]: 1 }));
  const answers = await client.finish();
  expect(Object.keys(answers).toSorted()).toEqual([A, B]);
});

test("a program says who is well, and with what weight", async () => {
  const script = join(folder, "role");
  writeFileSync(script, `#!/bin/sh\nread code < ${folder}/$LVSCARE_ADDRESS\nexit $code\n`, { mode: 0o700 });
  const say = (server: string, code: number): void =>
    writeFileSync(join(folder, server.slice(0, server.indexOf(":"))), `${code}\n`);
  say(A, 0);
  say(B, 9);
  const probe = { type: "exec", command: [script], "exit-code": "weight" };
  await using care = startCare(namespace, ["--config", configuration(probe, { scheduler: "wrr", weight: 3 })]);
  await waitForTable(namespace, table({ [A]: 3, [B]: 7 }, "wrr"));
  say(A, 2);
  await waitForTable(namespace, table({ [A]: 0, [B]: 7 }, "wrr"));
  say(A, 5);
  say(B, 1);
  await waitForTable(namespace, table({ [A]: 3 }, "wrr"));
  await care.waitForLog(/^INFO tcp 127\.1\.0\.1:80: real server 127\.0\.1\.2:80 healthy → draining: exit code 1$/);
  say(B, 0);
  await waitForTable(namespace, table({ [A]: 3, [B]: 3 }, "wrr"));
});

test("several checks decide together, each at its own pace, and a server of its own is checked otherwise", async () => {
  const script = join(folder, "role");
  writeFileSync(script, `#!/bin/sh\nread code < ${folder}/$LVSCARE_ADDRESS\nexit $code\n`, { mode: 0o700 });
  const say = (server: string, code: number): void =>
    writeFileSync(join(folder, server.slice(0, server.indexOf(":"))), `${code}\n`);
  say(A, 0);
  say(B, 0);
  const probes = {
    all: [
      { type: "http", scheme: "http", name: "web", fall: 2 },
      { type: "exec", name: "role", command: [script], "exit-code": "weight", interval: "200ms" },
    ],
  };
  const realServers = { "real-servers": [A, { address: B, probe: { type: "tcp" } }] };
  const settings = { scheduler: "wrr", weight: 3, probes, ...realServers };
  await using care = startCare(namespace, ["--config", configuration(undefined, settings)]);
  await waitForTable(namespace, table({ [A]: 3, [B]: 3 }, "wrr"));
  // The one of them asks for the weight, the other one has to pass.
  say(A, 9);
  say(B, 1);
  await waitForTable(namespace, table({ [A]: 7, [B]: 3 }, "wrr"));
  await servers.behave({ checks: "status 500" }, [A]);
  await care.waitForLog(/^INFO tcp 127\.1\.0\.1:80: real server 127\.0\.1\.1:80 healthy → draining: web: status 500$/);
  await waitForTable(namespace, table({ [B]: 3 }, "wrr"));
  expect((await care.status()).replaceAll(/\s+/g, " ")).toContain(
    "web down (status 500), role up (exit code 9, weight 7)",
  );
  await servers.behave("healthy", [A]);
  await waitForTable(namespace, table({ [A]: 7, [B]: 3 }, "wrr"));
});

test("an agent drains its real server, weighs and limits it, and counts no more when it is not heard for too long", async () => {
  await using agents = await Agents.start(namespace);
  const [agentOfA, agentOfB] = ["127.0.1.1:9777", "127.0.1.2:9777"];
  await agents.say(agentOfA, "up 100%");
  await agents.say(agentOfB, "up");
  const agent = { type: "agent", port: 9777, interval: "200ms", "stale-after": "2s" };
  const probes = { all: [{ type: "http", scheme: "http", path: "/healthz" }, agent] };
  const settings = { scheduler: "wrr", weight: 10, probes };
  await using care = startCare(namespace, ["--config", configuration(undefined, settings)]);
  await waitForTable(namespace, table({ [A]: 10, [B]: 10 }, "wrr"));
  await agents.say(agentOfA, "25% maxconn:30");
  await waitForTable(namespace, table({ [A]: 3, [B]: 10 }, "wrr"));
  expect(await namespace.exec("ipvsadm", "-Ln", "--thresholds")).toMatch(/127\.0\.1\.1:80 +30 +0 /);

  // It serves those that it has, and gets no new ones; an operator is above it.
  await agents.say(agentOfB, "drain #new disk");
  await waitForTable(namespace, table({ [A]: 3, [B]: 0 }, "wrr"));
  expect((await care.status()).replaceAll(/\s+/g, " ")).toContain("127.0.1.2:80 drained, by its agent");
  await runLvscare(namespace, ["weight", B, "4"]);
  await waitForTable(namespace, table({ [A]: 3, [B]: 4 }, "wrr"));
  await runLvscare(namespace, ["weight", B, "configured"]);
  await waitForTable(namespace, table({ [A]: 3, [B]: 0 }, "wrr"));

  // What it asked for ends with it, also that its server was down.
  await agents.say(agentOfB, "down ready");
  await care.waitForLog(/real server 127\.0\.1\.2:80 healthy → draining: agent: down, ready$/);
  await agents.stop(agentOfB);
  await care.waitForLog(
    /real server 127\.0\.1\.2:80: agent: the agent was not heard for \d+s: connect refused; what it asked for counts no more$/,
  );
  await waitForTable(namespace, table({ [A]: 3, [B]: 10 }, "wrr"));
  await agents.say(agentOfB, "maint");
  await waitForTable(namespace, table({ [A]: 3, [B]: 0 }, "wrr"));
  // In maintenance, what fails is not looked at.
  await servers.behave({ checks: "status 500" }, [B]);
  await care.waitForLog(/real server 127\.0\.1\.2:80: the agent is heard again$/);
  expect((await care.status()).replaceAll(/\s+/g, " ")).toContain("http paused (status 200), agent up (maint)");
  await servers.behave("healthy", [B]);
  await agents.say(agentOfB, "ready");
  await waitForTable(namespace, table({ [A]: 3, [B]: 10 }, "wrr"));
});

test("packets of checks have the mark and the source that they are to have", async () => {
  // Whoever asks otherwise is refused.
  const asked = ["-p", "tcp", "--dport", "80"];
  for (const rule of [
    [...asked, "-s", "127.0.0.9", "-m", "mark", "--mark", "17", "-j", "ACCEPT"],
    [...asked, "-j", "REJECT", "--reject-with", "tcp-reset"],
  ])
    await namespace.exec("iptables-legacy", "-w", "60", "-A", "OUTPUT", ...rule);
  const probe = { type: "http", scheme: "http", path: "/healthz" };
  {
    await using care = startCare(namespace, ["--config", configuration({ ...probe, source: "127.0.0.9" }, {})]);
    await care.waitForLog(/real server 127\.0\.1\.1:80 recovering → removed: connect refused/);
  }
  await using _ = startCare(namespace, ["--config", configuration({ ...probe, source: "127.0.0.9", mark: 17 }, {})]);
  await waitForTable(namespace, table({ [A]: 1, [B]: 1 }));
});

// --- internal ---

function configuration(probe: object | undefined, more: object): string {
  const path = join(folder, `${Bun.randomUUIDv7()}.yaml`);
  const virtualServer = { address: VS, "real-servers": [A, B], interval: "500ms", probe, "check-way": false, ...more };
  writeFileSync(path, JSON.stringify({ version: 1, logger: "DEBG", "virtual-servers": [virtualServer] }));
  return path;
}

function table(weights: Readonly<Record<string, number>>, scheduler = "rr"): Record<string, Record<string, number>> {
  return { [`TCP ${VS} ${scheduler}`]: weights };
}
