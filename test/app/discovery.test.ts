import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { MembersReport } from "../../src/domain/members.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { ALIVE } from "../cli/care-program.ts";
import { answering, type RawServer } from "../probe/http/support/raw-server.ts";
import { installServers, startProgram } from "../probe/support/programs.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);

const VS = "127.78.24.1:18124";

let servers: readonly RawServer[];
let [a, b, c] = ["", "", ""];
beforeAll(() => {
  servers = [answering(ALIVE), answering(ALIVE), answering(ALIVE)];
  [a = "", b = "", c = ""] = servers.map(({ endpoint }) => formatEndpoint(endpoint));
});
afterAll(() => {
  for (const server of servers) server[Symbol.dispose]();
});

describe("members from a file", () => {
  test("join and leave as it changes, a bad file changes nothing, and what it said last outlives it", async () => {
    await using folder = await TestFolder.make();
    const list = join(folder.path, "members");
    await Bun.write(list, `${a}\n${b} # the second\n`);
    await Bun.write(join(folder.path, "care.yaml"), configuration(folder));
    await using daemon = new FileDaemon(join(folder.path, "care.yaml"), { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/recovering → healthy/, 2);
    expect(await statuses(daemon)).toEqual([
      [a, "healthy"],
      [b, "healthy"],
    ]);

    await Bun.write(list, JSON.stringify([{ targets: [a, c], labels: { zone: "z" } }]));
    await daemon.logged(new RegExp(`${c} recovering → healthy`));
    await daemon.logged(new RegExp(`file ${list} lists 2 real servers: ${c} joined, ${b} left`));
    await daemon.logged(new RegExp(`${b} is no longer configured, has drained and is gone`));
    expect(await statuses(daemon)).toEqual([
      [a, "healthy"],
      [c, "healthy"],
    ]);

    await Bun.write(list, `${a}\nnonsense\n`);
    await daemon.logged(
      new RegExp(`file ${list}: line 2: "nonsense" is not an address with a port.*the members that are known stay`),
    );
    expect(await statuses(daemon)).toHaveLength(2);

    await Bun.write(list, "");
    await daemon.logged(/lists nobody, which is not believed/);
    expect(await statuses(daemon)).toHaveLength(2);
    expect(await daemon.statusText(VS)).toContain("it lists nobody, which is not believed");
    expect((await members(daemon)).map(({ address, state, reason }) => [address, state, reason])).toEqual([
      [a, "kept", "the source lists nobody"],
      [c, "kept", "the source lists nobody"],
      ["127.0.0.1:1", "unused", "there is a list"],
      [b, "former", "no longer listed"],
    ]);

    await Bun.write(list, JSON.stringify([{ targets: [a, c, VS], labels: { zone: "z" } }]));
    await daemon.logged(new RegExp(`lists ${VS}, which is ignored: it is an address of a virtual server here`));
    expect(await statuses(daemon)).toHaveLength(2);

    // Nobody tells who the members are when another daemon begins.
    await daemon.stop();
    await rm(list);
    await using other = new FileDaemon(join(folder.path, "care.yaml"), { XDG_RUNTIME_DIR: folder.path });
    await other.logged(/recovering → healthy/, 2);
    await other.logged(new RegExp(`file ${list}: no such file; the members that are known stay`));
    expect((await statuses(other)).map(([server]) => server)).toEqual([a, c]);
    expect(await members(other)).toMatchObject([
      { address: a, source: "remembered", state: "listed", zone: "z" },
      { address: c, source: "remembered", state: "listed", zone: "z" },
      { address: "127.0.0.1:1", source: "configuration", state: "unused" },
      { address: b, state: "former" },
    ]);

    await Bun.write(list, `${a}\n${b}\n${c}\n`);
    await other.logged(/can be read again/);
    await other.logged(new RegExp(`lists 3 real servers: ${b} joined`));
    await other.logged(new RegExp(`${b} recovering → healthy`));
    const remembered: unknown = JSON.parse(await readFile(memoryOf(folder), "utf8"));
    expect(remembered).toMatchObject({
      version: 1,
      source: `file ${list}`,
      members: [{ address: a }, { address: b }, { address: c }],
    });
  });

  test("may be all that there is: nobody, until somebody is told of", async () => {
    await using folder = await TestFolder.make();
    const path = join(folder.path, "care.yaml");
    await Bun.write(path, configuration(folder, { policy: "only" }).replace(/^ {2}real-servers:.*\n/m, ""));
    await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/no such file; the members that are known stay/);
    expect(await statuses(daemon)).toEqual([]);
    expect(await daemon.statusText(VS)).toMatch(/members +none yet from file .*NOT READ for /);
    expect(await daemon.healthCode(VS)).toBe(2);
    await Bun.write(join(folder.path, "members"), a);
    await daemon.logged(/recovering → healthy/);
    expect(await daemon.healthCode(VS)).toBe(0);
    expect(await daemon.ask("care", "--config", path, "--dry-run")).toContain("nothing");
    expect(await daemon.stop()).toBe(0);
  });

  test("count from the moment that the configuration names their file, and no longer when it does not", async () => {
    await using folder = await TestFolder.make();
    const [list, path] = [join(folder.path, "members"), join(folder.path, "care.yaml")];
    await Bun.write(list, `${b}\n${c}\n`);
    const plain = configuration(folder, { "real-servers": [a] }).replace(/^ {2}discover:.*\n/m, "");
    await Bun.write(path, plain);
    await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(new RegExp(`${a} recovering → healthy`));
    await Bun.write(path, configuration(folder, { "real-servers": [a] }));
    expect((await daemon.reload()).stdout).toContain(`${b}, ${c} added, ${a} removed, discover (source`);
    await daemon.logged(new RegExp(`${c} recovering → healthy`));
    await daemon.logged(new RegExp(`${a} is no longer configured, has drained and is gone`));

    await Bun.write(path, configuration(folder, { "real-servers": [a], policy: "merge" }));
    await daemon.reload();
    await daemon.logged(new RegExp(`${a} recovering → healthy`), 2);
    expect((await statuses(daemon)).map(([server]) => server)).toEqual([a, b, c]);

    await Bun.write(path, plain);
    await daemon.reload();
    await daemon.logged(new RegExp(`${c} is no longer configured, has drained and is gone`));
    await Bun.write(list, `${b}\n`);
    expect((await statuses(daemon)).map(([server]) => server)).toEqual([a]);
    expect((await daemon.reload()).stdout).toContain("unchanged since");
  });
});

test("members of a name are those that a real name server tells of", async () => {
  await installServers();
  await using nameServer = await startProgram((port) => [
    "/usr/sbin/dnsmasq",
    ..."--keep-in-foreground --no-daemon --no-resolv --no-hosts --bind-interfaces --listen-address=127.0.0.1".split(
      " ",
    ),
    "--user=root",
    `--port=${port}`,
    "--host-record=web.test,127.0.0.1,60",
  ]);
  await using folder = await TestFolder.make();
  const path = join(folder.path, "care.yaml");
  const port = a.slice(a.lastIndexOf(":") + 1);
  const dns = `{type: dns, name: web.test, port: ${port}, servers: ["${formatEndpoint(nameServer.endpoint)}"]}`;
  await Bun.write(path, configuration(folder).replace(/discover: .*/, `discover: ${dns}`));
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/name web\.test lists 1 real server/);
  await daemon.logged(new RegExp(`${a} recovering → healthy`));
  expect(await daemon.statusText(VS)).toMatch(/members +1 from name web\.test, told /);
  expect(await daemon.stop()).toBe(0);
});

test("a daemon that starts while no API server answers serves from memory, and drains whom the cluster drained", async () => {
  await using folder = await TestFolder.make();
  const [path, kubeconfig] = [join(folder.path, "care.yaml"), join(folder.path, "kubelet.conf")];
  const nobody = "https://127.0.0.1:1";
  const named = {
    name: "lab",
    user: { token: "t" },
    cluster: { server: nobody },
    context: { cluster: "lab", user: "lab" },
  };
  await Bun.write(
    kubeconfig,
    JSON.stringify({ "current-context": "lab", contexts: [named], clusters: [named], users: [named] }),
  );
  const savedAt = "2026-11-30T10:00:00.000Z";
  const drained = [{ address: c.slice(0, c.lastIndexOf(":")), since: savedAt, by: "alice" }];
  const memory = { version: 1, source: "service default/kubernetes", savedAt, former: [] };
  const write = async (more: object): Promise<void> => {
    await Bun.write(memoryOf(folder), JSON.stringify({ ...memory, ...more }), { mode: 0o600 });
  };
  await write({ members: [{ address: a }, { address: b }] });
  const discover = `{type: kubernetes, kubeconfig: ${kubeconfig}}`;
  await Bun.write(path, configuration(folder).replace(/discover: .*/, `discover: ${discover}`));
  {
    await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/recovering → healthy/, 2);
    expect(await statuses(daemon)).toEqual([
      [a, "healthy"],
      [b, "healthy"],
    ]);
    expect(await daemon.statusText(VS)).toMatch(/members +2 from service default\/kubernetes, remembered/);
    await daemon.stop();
  }
  // All of them have the address of this host.
  await write({ members: [{ address: a }, { address: b }], drained });
  await using other = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await other.logged(/nobody is in service/);
  expect(await statuses(other)).toEqual([
    [a, "drained"],
    [b, "drained"],
  ]);
  expect(await other.statusText(VS)).toContain("drained by the cluster: 127.0.0.1 (alice)");
  const { virtualServers } = await other.status(VS);
  expect(virtualServers[0]?.realServers.map(({ drainedByCluster }) => drainedByCluster?.by)).toEqual([
    "alice",
    "alice",
  ]);
  expect(await other.ask("undrain", a, "--vs", VS)).toContain(
    "the cluster keeps it drained (alice); lvscare undrain 127.0.0.1 --cluster lifts that",
  );
});

/** Members in `members`, and one real server that nobody answers at. */
function configuration(
  folder: TestFolder,
  more: { readonly "real-servers"?: readonly string[]; readonly policy?: string } = {},
): string {
  const { policy = "bootstrap", "real-servers": realServers = ["127.0.0.1:1"] } = more;
  return [
    "version: 1",
    `cache-directory: ${folder.path}/cache`,
    "virtual-servers:",
    "- name: web",
    `  address: ${VS}`,
    "  data-plane: userspace",
    "  interval: 300ms",
    "  check-way: false",
    "  drain: connections",
    "  probe: {type: http, scheme: http}",
    `  discover: {type: file, path: ${folder.path}/members, policy: ${policy}, debounce: 100ms}`,
    `  real-servers: [${realServers.map((one) => JSON.stringify(one)).join(", ")}]`,
    "",
  ].join("\n");
}

function memoryOf(folder: TestFolder): string {
  return join(folder.path, "cache/members", `tcp-${VS}.json`);
}

async function statuses(daemon: FileDaemon): Promise<readonly (readonly [string, string])[]> {
  const report = await daemon.status(VS);
  return report.virtualServers.flatMap(({ realServers }) =>
    realServers.map(({ address, state }) => [address, state] as const),
  );
}

async function members(daemon: FileDaemon): Promise<MembersReport["members"]> {
  const { virtualServers } = JSON.parse(await daemon.ask("members", "--vs", VS, "-o", "json")) as {
    virtualServers: MembersReport[];
  };
  return virtualServers[0]?.members ?? [];
}
