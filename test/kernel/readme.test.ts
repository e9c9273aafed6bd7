import { expect, setDefaultTimeout, test } from "bun:test";
import { resolve } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { stepsOf } from "../support/page-steps.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { LineProcess } from "./support/line-process.ts";
import { startCare } from "./support/lvscare.ts";
import { connect, Namespace } from "./support/namespace.ts";
import { Reader } from "./support/reader.ts";

requireTestKernel();
setDefaultTimeout(120_000);

/** The docs are followed word by word, and nothing else is done to the host. */
const page = await Bun.file(resolve(import.meta.dir, "../../docs/getting-started.md")).text();

test("who follows the first page, step by step, sees what it shows, and nothing is left at its end", async () => {
  await using host = await Namespace.create();
  await using reader = new Reader(host);
  const steps = stepsOf(page);
  for (const step of steps.slice(0, -1)) await reader.follow(step);
  await reader.end("daemon");
  expect(Object.keys(tableOf(host))).toEqual(["TCP 169.254.0.1:80 rr"]);
  for (const step of steps.slice(-1)) await reader.follow(step);
  expect(tableOf(host)).toEqual({});
  expect(steps.length).toBeGreaterThan(6);
});

test("its example for API servers balances three API servers over TLS, and stays when the daemon ends", async () => {
  const masters = commandLine("## API servers");
  await using node = await Namespace.create();
  await using network = await Namespace.create();
  await connect([node, "192.168.0.10/24"], [network, "192.168.0.2/24"]);
  for (const address of ["192.168.0.3/24", "192.168.0.4/24"]) await network.addAddress(address, "cable");
  const servers = valuesOf(masters, "--rs");
  await using _servers = await LineProcess.start(network, "tls-server-process.ts", servers);
  await using care = startCare(node, masters);
  const [vs = ""] = valuesOf(masters, "--vs");
  const full = { [`TCP ${vs} rr`]: Object.fromEntries(servers.map((server) => [server, 1])) };
  await waitForTable(node, full);
  await care.waitForLog(/^INFO set up route/);
  const ask = (): Promise<string> =>
    node.exec("curl", "--silent", "--show-error", "--insecure", `https://${vs}/healthz`);
  const answers = [await ask(), await ask(), await ask()];
  expect(answers.toSorted()).toEqual(servers);
  expect(await care.stop("SIGTERM")).toBe(0);
  expect(tableOf(node)).toEqual(full);
  expect(servers).toContain(await ask());
});

// --- internal ---

/** What stands behind `lvscare care` in this section. */
function commandLine(section: string): string[] {
  const [, rest = ""] = page.split(`${section}\n`);
  return /^lvscare care (.*)$/m.exec(rest)?.[1]?.split(" ") ?? [];
}

function valuesOf(words: readonly string[], flag: string): string[] {
  return words.filter((_, index) => words[index - 1] === flag);
}
