import { mkdir, writeFile } from "node:fs/promises";
import { expect, setDefaultTimeout, test } from "bun:test";
import { readPages } from "../../tasks/docs/pages.ts";
import { commandLinesOf } from "../support/command-lines.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { connect, Namespace } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const SERVERS = ["10.20.1.2", "10.20.1.3", "10.20.1.4"] as const;
/** What a dry run ends with that would change something. */
const CHANGES = 2;
const CONFIG = "/etc/lvscare/care.yaml";

test("the guide for any TCP service holds, line by line, with a service as systemd would start it", async () => {
  await using node = await Namespace.create();
  await using network = await Namespace.create();
  await connect([node, "10.20.1.9/24"], [network, `${SERVERS[0]}/24`]);
  for (const address of SERVERS.slice(1)) await network.addAddress(`${address}/24`, "cable");
  await using _servers = await EchoServers.start(
    network,
    SERVERS.map((address) => `${address}:5432`),
  );
  const page = (await readPages()).find(({ path }) => path === "docs/bare.md")?.text ?? "";
  const [, file = ""] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? [];
  await mkdir("/etc/lvscare", { recursive: true });
  await writeFile(CONFIG, file);
  const lines = [...commandLinesOf({ path: "docs/bare.md", text: page })];
  const walk = async (command: string, expected = 0): Promise<string> => {
    const line = lines.shift();
    expect(line?.command).toBe(command);
    const { exitCode, stdout, stderr } = await runLvscare(node, [command, ...(line?.argv ?? [])]);
    expect([line?.place, exitCode, exitCode === expected ? "" : stdout + stderr]).toEqual([line?.place, expected, ""]);
    return stdout;
  };

  await walk("check-config");
  expect(await walk("care", CHANGES)).toContain("10.20.1.4:5432");
  const [, command = ""] = /^ExecStart=\S+ care (.*)$/m.exec(await walk("systemd")) ?? [];
  await using care = startCare(node, command.split(" "));
  const full = { "10.20.1.2:5432": 1, "10.20.1.3:5432": 1, "10.20.1.4:5432": 2 };
  const tableIs = (servers: Readonly<Record<string, number>>): Promise<unknown> =>
    waitForTable(node, { "TCP 10.20.0.1:5432 wlc": servers });
  await tableIs(full);
  expect(await walk("status")).toContain("pg");
  await walk("doctor");
  await walk("drain");
  await tableIs({ ...full, "10.20.1.3:5432": 0 });
  await walk("undrain");
  await tableIs(full);
  await walk("reload");
  await walk("events");
  await care.stop("SIGTERM");
  await walk("care");
  expect([tableOf(node), lines]).toEqual([{}, []]);
});
