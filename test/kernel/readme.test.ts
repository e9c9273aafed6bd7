import { expect, setDefaultTimeout, test } from "bun:test";
import { resolve } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { commandLinesOf } from "../support/command-lines.ts";
import { shapeOf, stepsOf } from "../support/page-steps.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { LineProcess } from "./support/line-process.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { connect, type Ended, Namespace } from "./support/namespace.ts";
import { Reader } from "./support/reader.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

/** The docs are followed word by word, and nothing else is done to the host. */
const page = await pageOf("getting-started.md");

test("who follows the first page, step by step, sees what it shows, and at its end nothing but settings is left", async () => {
  await using host = await Namespace.create();
  const routes = (): Promise<string> => host.exec("ip", "route", "show", "table", "all");
  const setting = async (): Promise<string> => (await host.exec("sysctl", "-n", "net.ipv4.vs.sloppy_tcp")).trim();
  const before = await routes();
  await using reader = new Reader(host);
  const steps = stepsOf(page);
  for (const step of steps.slice(0, -1)) await reader.follow(step);
  await reader.end("daemon");
  expect(Object.keys(tableOf(host))).toEqual(["TCP 169.254.0.1:80 rr"]);
  for (const step of steps.slice(-1)) await reader.follow(step);
  expect(tableOf(host)).toEqual({});
  expect([await routes(), await setting()]).toEqual([before, "1"]);
  expect(steps.length).toBeGreaterThan(6);
});

test("its example for API servers balances three over TLS, takes what the page on operations asks, and stays when the daemon ends", async () => {
  const masters = commandLine("## API servers");
  const lines = commandLinesOf({ path: "docs/operations.md", text: await pageOf("operations.md") });
  // A line of a dialogue shows another host's.
  const operations = lines.filter(
    ({ isTyped, command, argv }) => isTyped && ASKING.includes(command) && !argv.includes("--follow"),
  );
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
  for (const { command, argv } of operations) {
    const { exitCode, stderr } = await runLvscare(node, [command, ...argv]);
    expect([command, ...argv, exitCode, stderr]).toEqual([command, ...argv, 0, ""]);
  }
  expect(operations.length).toBeGreaterThan(6);
  await runLvscare(node, ["weight", servers[0] ?? "", "configured"]);
  expect(await care.stop("SIGTERM")).toBe(0);
  expect(tableOf(node)).toEqual(full);
  expect(servers).toContain(await ask());

  // As the page has it: another scheduler and list stand, and nothing leads there.
  await node.exec("ipvsadm", "--edit-service", "--tcp-service", vs, "--scheduler", "wrr");
  await node.exec("ipvsadm", "--delete-server", "--tcp-service", vs, "--real-server", servers.at(-1) ?? "");
  await node.exec("ip", "route", "delete", `${vs.split(":")[0]}/32`);
  const [, call = "", shown = ""] =
    /^\$ lvscare (care .*--dry-run)\n([^]*?)^```$/m.exec(await pageOf("operations.md")) ?? [];
  const { stdout, exitCode } = await runLvscare(node, call.split(" "));
  expect([shapeOf(stdout), exitCode]).toEqual([shapeOf(shown), 2]);
});

test("the API answers as its page asks it", async () => {
  const text = await pageOf("http-api.md");
  const [, block = ""] = /^```bash\n([^]*?)^```$/m.exec(text) ?? [];
  const [care = "", ...questions] = block.trim().split("\n");
  await using host = await Namespace.create();
  for (const address of ["192.168.0.2/32", "192.168.0.3/32"]) await host.addAddress(address);
  await using _servers = await LineProcess.start(host, "tls-server-process.ts", valuesOf(care.split(" "), "--rs"));
  await using daemon = startCare(host, care.split(" ").slice(2));
  await daemon.waitForLog(/→ healthy/, { times: 2 });
  for (const question of questions) {
    // What goes on for ever is ended after its first second.
    const answer = /^ok\n$|^\{"|^(?:id|event|retry): /;
    const ask = (): Promise<Ended> => host.run(["curl", "--max-time", "1", "--fail", ...question.split(" ").slice(1)]);
    // On a busy machine that may be over before anything came.
    expect(answer.exec((await waitFor(ask, ({ stdout }) => answer.test(stdout))).stdout)).not.toBeNull();
  }
  expect(questions.length).toBeGreaterThan(2);
});

// --- internal ---

/** The commands that ask a running daemon, as the page on operations has them. */
const ASKING = ["drain", "check", "undrain", "weight", "events", "status"];

function pageOf(name: string): Promise<string> {
  return Bun.file(resolve(import.meta.dir, "../../docs", name)).text();
}

/** What stands behind `lvscare care` in this section. */
function commandLine(section: string): string[] {
  const [, rest = ""] = page.split(`${section}\n`);
  return /^lvscare care (.*)$/m.exec(rest)?.[1]?.split(" ") ?? [];
}

function valuesOf(words: readonly string[], flag: string): string[] {
  return words.filter((_, index) => words[index - 1] === flag);
}
