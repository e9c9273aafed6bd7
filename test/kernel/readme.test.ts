import { expect, setDefaultTimeout, test } from "bun:test";
import { resolve } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { LineProcess } from "./support/line-process.ts";
import { startCare, runLvscare } from "./support/lvscare.ts";
import { connect, Namespace } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(120_000);

/** The command lines of the first steps in the docs, word by word; nothing else is done to the host that they run on. */
const [masters = [], oneHost = [], cleanUp = []] = await commandLines("## Use");

test("the first example balances three API servers over TLS, and stays when the daemon ends", async () => {
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

test("the example on one host serves, and the line after it takes everything away", async () => {
  await using node = await Namespace.create();
  const servers = valuesOf(oneHost, "--rs");
  await using _servers = await EchoServers.start(node, servers);
  const [vs = ""] = valuesOf(oneHost, "--vs");
  await using care = startCare(node, oneHost);
  await waitForTable(node, { [`TCP ${vs} rr`]: Object.fromEntries(servers.map((server) => [server, 1])) });
  await care.waitForLog(/^INFO set up route/);
  expect(servers).toContain(await node.exec("curl", "--silent", "--show-error", `http://${vs}/`));
  await care.stop("SIGINT");
  expect(await runLvscare(node, ["care", ...cleanUp])).toMatchObject({ exitCode: 0 });
  expect(tableOf(node)).toEqual({});
});

// --- internal ---

/** What stands behind `lvscare care` in each line of this section. */
async function commandLines(section: string): Promise<string[][]> {
  const page = await Bun.file(resolve(import.meta.dir, "../../docs/getting-started.md")).text();
  const [, rest = ""] = page.split(`${section}\n`);
  const [text = ""] = rest.split("\n## ");
  return Array.from(text.matchAll(/^lvscare care (.*)$/gm), ([, words = ""]) => words.split(" "));
}

function valuesOf(words: readonly string[], flag: string): string[] {
  return words.filter((_, index) => words[index - 1] === flag);
}
