import { expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, tableWith, VS } from "./support/care-flags.ts";
import { startHost } from "./support/host.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import type { Namespace } from "./support/namespace.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const WEB = "127.0.0.1:9105";
const FLAGS = [...careFlags().filter((flag) => flag !== "--check-way=false"), "--http-listen", WEB];
/** Before IPVS has seen them. */
const RULE = `OUTPUT -t raw -p tcp -d ${VS.replace(/:.*/, "")} -j DROP`.split(" ");

test("what drops clients' packets is told although every check passes, and so is its end; no weight changes", async () => {
  await using host = await startHost();
  const { namespace } = host;
  await namespace.exec("iptables-legacy", "-w", "60", "-A", ...RULE);
  await using care = startCare(namespace, FLAGS);
  const warning = await care.waitForLog(/^WARN through the virtual address nobody answers/);
  expect(warning).toContain("connect timed out after 2s; connections through it do not get as far as IPVS");
  expect(warning).toContain("nft list ruleset");
  expect(await care.status()).toMatch(/^ {2}way +NO ANSWER for \d+s: connect timed out after 2s; /m);
  expect(await metric(namespace, "lvscare_way_up")).toMatch(/ 0$/);
  await waitForEqual(() => standing(namespace), ["degraded", 2, "503"]);
  await waitForTable(namespace, tableWith());

  await namespace.exec("iptables-legacy", "-w", "60", "-D", ...RULE);
  await care.waitForLog(/^INFO through the virtual address a real server answers again/);
  expect(await care.status()).toMatch(/^ {2}way +answers in \S+m?s$/m);
  expect(await metric(namespace, "lvscare_way_up")).toMatch(/ 1$/);
  await waitForEqual(() => standing(namespace), ["serving", 0, "200"]);
  await waitForTable(namespace, tableWith());
  expect(care.logged(/→ draining/)).toEqual([]);
});

test("a good way is found when the first real server comes into service; --check-way=false makes no connection", async () => {
  await using host = await startHost();
  const { namespace } = host;
  {
    await using care = startCare(namespace, FLAGS);
    await care.waitForLog(/^DEBUG through the virtual address a real server answers, in/);
    // The kernel counts what was, some two seconds later.
    await waitForEqual(() => connections(care), 1);
  }
  await namespace.exec("ipvsadm", "-C");
  await using care = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  await care.waitForLog(/^DEBUG probe of .*:8081 passed/, { times: 5 });
  expect(await connections(care)).toBe(0);
  expect(await care.status()).not.toMatch(/^ {2}way/m);
});

// --- internal ---

async function connections(care: CareProcess): Promise<number> {
  const report = JSON.parse(await care.status("-o", "json")) as StatusReport;
  return report.virtualServers[0]?.stats.connections ?? Number.NaN;
}

/** How it stands, by what programs ask: the condition, the exit code, and whether it is ready. */
async function standing(namespace: Namespace): Promise<[condition: string | undefined, code: number, ready: string]> {
  const { stdout, exitCode } = await runLvscare(namespace, ["status", "--exit-code", "-o", "json"]);
  const report = JSON.parse(stdout) as StatusReport;
  const asked = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", `http://${WEB}/readyz`];
  return [report.virtualServers[0]?.condition, exitCode, await namespace.exec("curl", ...asked)];
}

async function metric(namespace: Namespace, name: string): Promise<string> {
  const text = await waitFor(
    () => namespace.exec("curl", "--silent", `http://${WEB}/metrics`),
    (all) => all.includes(`\n${name}{`),
  );
  return text.split("\n").find((line) => line.startsWith(`${name}{`)) ?? "";
}
