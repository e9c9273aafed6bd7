import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MembersReport } from "../../src/domain/members.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { SteadyClients } from "./support/steady-clients.ts";
import { SteadyServers } from "./support/steady-servers.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(300_000);

const [NODE, VS] = ["10.0.0.5", "10.97.0.1:80"] as const;
const [A, B, C, D] = [`${NODE}:8081`, `${NODE}:8082`, `${NODE}:8083`, `${NODE}:8084`] as const;

let host: Namespace;
let servers: SteadyServers;
let folder: string;
beforeAll(async () => {
  host = await Namespace.create();
  await host.exec("ip", "link", "add", "card", "type", "dummy");
  await host.addAddress(`${NODE}/24`, "card");
  await host.addAddress("10.97.0.1/32", "lo");
  await host.exec("ip", "link", "set", "card", "up");
  servers = await SteadyServers.start(host, [A, B, C, D]);
  folder = await mkdtemp(join(tmpdir(), "lvscare-discovery-"));
});
afterEach(() => host.exec("ipvsadm", "-C"));
afterAll(async () => {
  await servers[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("members come and go by a file, and no request fails, nor a connection that was open", async () => {
  const list = join(folder, "members");
  const write = async (...members: readonly string[]): Promise<void> => {
    await Bun.write(`${list}.new`, members.join("\n"));
    await rename(`${list}.new`, list);
  };
  const configuration = {
    version: 1,
    "cache-directory": join(folder, "cache"),
    "virtual-servers": [
      {
        address: VS,
        scheduler: "wrr",
        mode: "none",
        interval: "500ms",
        probe: { type: "http", scheme: "http" },
        discover: { type: "file", path: list, debounce: "100ms", confirm: "2s" },
      },
    ],
  };
  await Bun.write(join(folder, "care.json"), JSON.stringify(configuration));
  await write(A, B);
  await using care = startCare(host, ["--config", join(folder, "care.json")]);
  await expectTable({ [A]: 1, [B]: 1 });
  await using clients = await SteadyClients.start(host);
  const held = [await clients.hold("one", VS), await clients.hold("two", VS)];
  expect(held.toSorted()).toEqual([A, B]);
  await clients.begin([VS]);

  await write(A, B, `${C} 3`);
  await expectTable({ [A]: 1, [B]: 1, [C]: 3 });

  // Who left has no new clients, and keeps those that it has.
  await write(A, C);
  await expectTable({ [A]: 1, [B]: 0, [C]: 1 });
  expect(Object.values(await clients.askAll()).toSorted()).toEqual([A, B]);
  await clients.release(["one", "two"]);
  await expectTable({ [A]: 1, [C]: 1 });

  // Not even a list of nobody, of itself, or of somebody else takes those out who serve.
  await write();
  await care.waitForLog(/lists nobody, which is not believed/);
  await write(A, C, VS);
  await care.waitForLog(/lists 10\.97\.0\.1:80, which is ignored: it is an address of a virtual server here/);
  await write("10.0.0.5:9");
  await care.waitForLog(/no longer lists .*, too many at once/);
  await care.waitForLog(/but nobody whom it lists serves yet: they stay until somebody does/);
  await expectTable({ [A]: 1, [C]: 1 });
  const told = await runLvscare(host, ["members", "-o", "json"]);
  const { virtualServers } = JSON.parse(told.stdout) as { virtualServers: MembersReport[] };
  expect(virtualServers[0]?.members.map(({ address, state }) => [address, state])).toContainEqual([
    "10.0.0.5:9",
    "listed",
  ]);

  await write(D);
  await expectTable({ [D]: 1 });

  const answers = (await clients.finish())[VS] ?? {};
  expect(Object.keys(answers).filter((answer) => ![A, B, C, D].some((server) => server === answer))).toEqual([]);
  expect(care.logged(/^ERROR|repaired/)).toEqual([]);
  expect(await care.stop()).toBe(0);

  // Whoever it was last is known although nobody tells.
  await rm(list);
  await using again = startCare(host, ["--config", join(folder, "care.json")]);
  await again.waitForLog(/no such file; the members that are known stay/);
  await expectTable({ [D]: 1 });
});

test("a virtual server without anybody begins, and is reached as soon as somebody is told of", async () => {
  const [address, list] = ["10.97.0.2:80", join(folder, "later")];
  const configuration = {
    version: 1,
    "cache-directory": join(folder, "cache"),
    "virtual-servers": [
      {
        address,
        interval: "500ms",
        probe: { type: "http", scheme: "http" },
        discover: { type: "file", path: list, policy: "only" },
      },
    ],
  };
  await Bun.write(join(folder, "later.json"), JSON.stringify(configuration));
  await using care = startCare(host, ["--config", join(folder, "later.json")]);
  await care.waitForLog(/no such file/);
  await waitForEqual(() => tableOf(host)[`TCP ${address} rr`], {});
  await Bun.write(list, A);
  await waitForEqual(() => tableOf(host)[`TCP ${address} rr`], { [A]: 1 });
  await care.waitForLog(/set up route 10\.97\.0\.2\/32/);
  const { stdout } = await waitFor(
    () => host.run(["curl", "--silent", "--max-time", "5", `http://${address}/`]),
    ({ exitCode }) => exitCode === 0,
  );
  expect(stdout).toBe(A);
  expect(await care.stop()).toBe(0);
});

function expectTable(expected: Readonly<Record<string, number>>): Promise<void> {
  return waitForTable(host, { [`TCP ${VS} wrr`]: expected });
}
