import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, open, rename, rm, symlink, unlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { ALIVE } from "../cli/care-program.ts";
import { runProgram } from "../cli/run-program.ts";
import { runCommand } from "../kernel/harness/run-command.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { answering, type RawServer } from "../probe/http/support/raw-server.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);

let server: RawServer;
beforeAll(() => {
  server = answering(ALIVE);
});
afterAll(() => server[Symbol.dispose]());

describe("a file that is refused", () => {
  const [VS, WEB] = ["127.78.20.1:18100", "127.78.20.1:18101"] as const;
  let folder: TestFolder;
  let daemon: FileDaemon;
  let good: string;
  let before: unknown;
  beforeAll(async () => {
    folder = await TestFolder.make();
    good = [`http-listen: ${WEB}`, ...virtualServer(VS)].join("\n");
    await Bun.write(join(folder.path, "care.yaml"), file(good));
    daemon = new FileDaemon(join(folder.path, "care.yaml"), { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/recovering → healthy/);
    before = await whatStands();
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test.each([
    ["is no YAML", "version: 1\nvirtual-servers: [", "2:18: error: this is no YAML: [ is not closed"],
    [
      "has an unknown key",
      () => good.replace("interval:", "intervall:"),
      "8:3: error: virtual-servers[0].intervall: unknown key intervall; did you mean interval?",
    ],
    [
      "has one virtual server twice",
      () => [good, ...virtualServer(VS).slice(1)].join("\n"),
      `12:12: error: virtual-servers[1].address: tcp ${VS} is already virtual server "web" in line 5`,
    ],
    [
      "has a value of another type",
      () => good.replace("interval: 1s", "interval: fast"),
      '8:13: error: virtual-servers[0].interval: expected a time such as 5s or 500ms, got "fast"',
    ],
    [
      "has no probe",
      () => good.replace(/^ +probe:.*\n/m, ""),
      "4:3: error: virtual-servers[0]: needs a probe; {type: http} is the least (asks over TLS; scheme: http for plain)",
    ],
    [
      "includes what is not there",
      () => `${good}\ninclude: [conf.d/*.yaml, others.yaml]`,
      "11:26: error: include[1]: others.yaml: no such file",
    ],
    ["is empty", () => "", "1:1: error: the file is empty"],
    ["is gone", undefined, "1:1: error: no such file"],
    ["is a FIFO", "mkfifo", "1:1: error: it is a FIFO; a configuration is a regular file, or - for standard input"],
  ])(
    "because it %s is told in log, status, metrics and to whoever asked, and nothing changes",
    async (_, bad, told) => {
      await rm(daemon.path, { force: true });
      if (bad === "mkfifo") await runCommand(["mkfifo", daemon.path], { timeoutMs: 10_000 });
      else if (bad !== undefined) await Bun.write(daemon.path, contentOf(bad));
      const place = `${daemon.path}:${told}`;
      const { code, stdout, stderr } = await daemon.reload();
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr.split("\n").findLast((line) => line.includes(": error: "))).toStartWith(place);
      await daemon.logged(
        new RegExp(
          `^ERROR nothing was changed, because ${RegExp.escape(daemon.path)} is refused: ${RegExp.escape(daemon.path)}`,
        ),
      );
      expect(daemon.log.findLast((line) => line.startsWith("ERROR"))).toContain(": error: ");
      const status = await daemon.statusText(VS);
      expect(status).toMatch(/^ {2}file +REFUSED \d+s ago, so that of /m);
      expect(await successful()).toBe(0);
      expect(await whatStands()).toEqual(before);
      expect((await fetch(`http://${VS}/`)).status).toBe(200);
    },
  );

  test("because of one virtual server tells of no other as if it were cared for, until it is", async () => {
    const other = "127.78.20.2:18102";
    const more = virtualServer(other).slice(1).join("\n").replace("name: web", "name: other");
    const toldOf = (): readonly string[] => daemon.log.filter((line) => line.includes("other: "));
    await rm(daemon.path, { force: true });
    await Bun.write(daemon.path, file(`${good.replace("data-plane: userspace", "data-plane: ipvs")}\n${more}`));
    const { code, stderr } = await daemon.reload();
    expect([code, stderr]).toEqual([1, expect.stringContaining("cannot change over while it serves")]);
    expect([toldOf(), await whatStands()]).toEqual([[], before]);
    await Bun.write(daemon.path, file(`${good}\n${more}`));
    expect(await daemon.reload()).toMatchObject({ code: 0, stdout: `+ tcp ${other} (other): 1 real server\n` });
    await daemon.logged(/other: /);
    expect(toldOf()[0]).toStartWith(`INFO other: caring for tcp ${other} (rr) with 1 real server`);
    await Bun.write(daemon.path, file(good));
    expect(await daemon.reload()).toMatchObject({ code: 0 });
    await daemon.logged(/other: gone, as the configuration says/);
  });

  test("is named by its whole path, with what it includes, for whoever asks from elsewhere", async () => {
    await using inside = await TestFolder.make();
    const path = join(inside.path, "care.yaml");
    await mkdir(join(inside.path, "d"));
    const [web, included] = [virtualServer("127.78.20.4:18104"), join(inside.path, "d", "a.yaml")];
    await Bun.write(path, file(["include: [d/a.yaml]", ...web].join("\n")));
    await Bun.write(included, "probes: {}\n");
    await using near = new FileDaemon(relative(process.cwd(), path), { XDG_RUNTIME_DIR: inside.path });
    await near.logged(/recovering → healthy/);
    await Bun.write(included, "probs: {}\n");
    expect((await near.request()).problems).toEqual([expect.stringContaining(`${included}:1:1: error: `)]);
    await Bun.write(included, "probes: {}\n");
    await Bun.write(path, "version: 2\n");
    const { problems } = await near.request();
    expect(problems[0]).toStartWith(`${path}:1:10: error: `);
    const [status] = (await near.status("127.78.20.4:18104")).virtualServers;
    expect(status?.daemon?.configuration?.file).toBe(path);
    expect(status?.daemon?.configuration?.refused?.problem).toStartWith(`${path}:1:10: `);
    expect(await near.logged(/^ERROR .*1:10/)).toContain(`${path}:1:10: `);
  });

  test("is taken when it is good again, and counts as read", async () => {
    await rm(daemon.path, { force: true });
    await Bun.write(daemon.path, file(good));
    const { code, stdout } = await daemon.reload();
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^unchanged since it was read /)]);
    expect(await successful()).toBe(1);
    expect(await daemon.statusText(VS)).toMatch(/^ {2}file +\S+care\.yaml, read \d+s ago$/m);
    expect(await whatStands()).toEqual(before);
  });

  /** All but what goes on by itself. */
  async function whatStands(): Promise<unknown> {
    const { virtualServers } = await daemon.status(VS);
    return virtualServers.map(({ name, address, scheduler, realServers, daemon: facts }) => ({
      name,
      address,
      scheduler,
      applies: facts?.applies,
      realServers: realServers.map(({ address: server, weight, state }) => ({ server, weight, state })),
    }));
  }

  async function successful(): Promise<number> {
    const text = await (await fetch(`http://${WEB}/metrics`)).text();
    return Number(/^lvscare_config_last_reload_successful\S* (\d)$/m.exec(text)?.[1]);
  }

  function contentOf(bad: string | (() => string)): string {
    return typeof bad === "string" ? bad : file(bad());
  }
});

describe("a change is noticed", () => {
  const schedulers = ["wrr", "lc", "wlc", "sh", "rr"] as const;

  test.concurrent("in place, under an exchanged name, in files that are included, and at SIGHUP", async () => {
    const VS = "127.78.21.1:18110";
    await using folder = await TestFolder.make();
    const path = join(folder.path, "care.yaml");
    const base = (scheduler: string): string =>
      file([...virtualServer(VS, `scheduler: ${scheduler}`), "include: [conf.d/*/*.yaml]"].join("\n"));
    await Bun.write(path, base("rr"));
    await mkdir(join(folder.path, "conf.d"));
    await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/recovering → healthy/);

    await Bun.write(path, base("wrr"));
    await daemon.logged(/^INFO took over .*scheduler rr → wrr/);
    await Bun.write(`${path}.new`, base("lc"));
    await rename(`${path}.new`, path);
    await daemon.logged(/^INFO took over .*scheduler wrr → lc/);

    const second = (option?: string): readonly string[] =>
      virtualServer("127.78.21.2:18110", option).map((line) => line.replace("web", "two"));
    const included = join(folder.path, "conf.d/b/two.yaml");
    await mkdir(join(folder.path, "conf.d/b"));
    await daemon.logged(/^INFO read .* again: nothing changed/);
    await Bun.write(included, second().join("\n"));
    await daemon.logged(/^INFO took over .*: \+ tcp 127\.78\.21\.2:18110 \(two\): 1 real server/);
    await Bun.write(included, second("scheduler: wrr").join("\n"));
    await daemon.logged(/^INFO took over .*: ~ tcp 127\.78\.21\.2:18110 \(two\): scheduler rr → wrr/);
    await unlink(included);
    await daemon.logged(/^INFO took over .*: - tcp 127\.78\.21\.2:18110 \(two\)/);

    await Bun.write(included, second().join("\n"));
    await daemon.logged(/^INFO took over .*: (\+|~) tcp 127\.78\.21\.2:18110 \(two\)/, 3);
    await rename(join(folder.path, "conf.d/b"), join(folder.path, "b.away"));
    expect(await daemon.reload()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("- tcp 127.78.21.2:18110 (two)"),
      stderr: `${path}:11:11: warning: include[0]: no file matches\n`,
    });

    await daemon.logged(/^INFO took over .*: - tcp 127\.78\.21\.2:18110 \(two\)/, 2);

    const unchanged = /^INFO read .* again: nothing changed/;
    const before = daemon.log.filter((line) => unchanged.test(line)).length;
    daemon.signal("SIGHUP");
    await daemon.logged(unchanged, before + 1);
    expect(await daemon.stop()).toBe(0);
  });

  test.concurrent("when a ConfigMap is exchanged, again and again", async () => {
    const VS = "127.78.21.6:18110";
    await using folder = await TestFolder.make();
    using own = answering(ALIVE);
    const ofVs = (option?: string): string =>
      virtualServer(VS, option).join("\n").replace(formatEndpoint(server.endpoint), formatEndpoint(own.endpoint));
    // As kubelet lays it out: a link to a file below a link to a folder, which is exchanged.
    const publish = async (version: string, content: string): Promise<void> => {
      await mkdir(join(folder.path, version));
      await Bun.write(join(folder.path, version, "care.yaml"), content);
      await symlink(version, join(folder.path, "..data_tmp"));
      await rename(join(folder.path, "..data_tmp"), join(folder.path, "..data"));
    };
    const more = virtualServer("127.78.21.5:18110").slice(1).join("\n").replace("web", "more");
    await publish("..first", file(`${ofVs()}\n${more}`));
    await symlink("..data/care.yaml", join(folder.path, "care.yaml"));
    await using daemon = new FileDaemon(join(folder.path, "care.yaml"), { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/more: .* recovering → healthy/);
    await publish("..0", file(ofVs()));
    await daemon.logged(/^WARN .* lacks/);
    // From here, as that is to be before the daemon believes it by itself: a program may take longer to start.
    expect(await daemon.request()).toMatchObject({
      outcome: "applied",
      changes: [expect.stringContaining("(more): its real servers")],
    });
    // Nobody doubts any more what somebody asked for: it is not read again when that time is over, of which checks tell once a second.
    const checked = own.requests.length;
    await waitFor(
      () => own.requests.length,
      (count) => count >= checked + 7,
    );
    expect(daemon.log.filter((line) => line.includes("nothing changed"))).toEqual([]);
    for (const [index, scheduler] of schedulers.entries()) {
      await publish(`..${index + 1}`, file(ofVs(`scheduler: ${scheduler}`)));
      await daemon.logged(new RegExp(`^INFO took over .*scheduler \\w+ → ${scheduler}`));
      await rm(join(folder.path, `..${index}`), { recursive: true });
    }
    expect((await fetch(`http://${VS}/`)).status).toBe(200);
  });

  test.concurrent("and a file whose writer paused in the middle takes no virtual server away, unless somebody asks for it", async () => {
    const VS = "127.78.21.7:18110";
    await using folder = await TestFolder.make();
    const path = join(folder.path, "care.yaml");
    const others = ["127.78.21.3:18110", "127.78.21.4:18110"].flatMap((address) =>
      virtualServer(address)
        .slice(1)
        .map((line) => line.replace("name: web", `name: n${address.slice(10, 11)}`)),
    );
    const [head, rest] = [`version: 1\n${virtualServer(VS).join("\n")}\n`, `${others.join("\n")}\n`];
    await Bun.write(path, head + rest);
    await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/n4: .* recovering → healthy/);
    {
      await using writer = await open(path, "w");
      await writer.write(head);
      expect(await daemon.logged(/^WARN .* lacks/)).toBe(
        `WARN ${path} lacks what it had: tcp 127.78.21.3:18110 (n3), tcp 127.78.21.4:18110 (n4); if it still does in 5s, that is taken over (at once by lvscare reload)`,
      );
      await writer.write(rest);
    }
    await daemon.logged(/^INFO read .* again: nothing changed/);
    expect(daemon.log.filter((line) => /took over|leaving|drain/.test(line))).toEqual([]);
    await Bun.write(path, head);
    await daemon.logged(/^WARN .* lacks/, 2);
    expect(await daemon.reload()).toMatchObject({ code: 0, stdout: expect.stringContaining("(n3): its real servers") });
  });

  test.concurrent("and who asks while the file is read shares the next reading with all others", async () => {
    const VS = "127.78.21.8:18110";
    await using folder = await TestFolder.make();
    const path = join(folder.path, "care.yaml");
    await Bun.write(path, file(virtualServer(VS).join("\n")));
    await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
    await daemon.logged(/recovering → healthy/);
    const reports = await Promise.all(Array.from({ length: 10 }, () => daemon.request()));
    expect(reports.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 10 }, () => "unchanged"));
    // Who comes while one is read shares the next; all at once are two, and they come a little apart.
    expect(daemon.log.filter(isReading).length).toBeLessThan(6);
  });
});

test("the log and the page's address change with the file; a port that is taken is a warning, and is tried again", async () => {
  await using folder = await TestFolder.make();
  const path = join(folder.path, "care.yaml");
  const VS = "127.78.22.1:18120";
  const [first, everywhere] = ["127.78.22.9:18121", "0.0.0.0:18121"];
  const taken = Bun.listen({ hostname: "127.78.22.9", port: 0, socket: { data: () => undefined } });
  const write = (...process: readonly string[]): Promise<number> =>
    Bun.write(path, file([...process, ...virtualServer(VS)].join("\n")));
  const answers = (address: string): Promise<string> =>
    fetch(`http://${address}/healthz`).then(
      ({ status }) => `status ${status}`,
      () => "refused",
    );
  await write(`http-listen: ${first}`);
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/recovering → healthy/);
  expect(await answers(first)).toBe("status 200");
  const shownPage = async (): Promise<string | undefined> => (await daemon.status(VS)).virtualServers[0]?.daemon?.page;
  expect(await shownPage()).toBe(`http://${first}/`);

  await write(
    `http-listen: 127.78.22.9:${taken.port}`,
    "logger: DEBG",
    "max-concurrent-checks: 4",
    "checks-per-server: 9/s",
  );
  const refused = await daemon.reload();
  const stays = `the page and metrics stay at ${first}: `;
  // It is a warning: the file was taken over.
  expect([refused.code, refused.stderr]).toEqual([0, expect.stringContaining(`warning: ${stays}`)]);
  expect(refused.stderr).toContain("(give another address as http-listen)");
  const [shown] = (await daemon.status(VS)).virtualServers;
  expect(shown?.daemon?.configuration?.warnings).toEqual([expect.stringContaining(stays)]);
  expect((await daemon.statusText(VS)).replaceAll(/\s+/g, " ")).toContain(`ago; ${stays}`);
  expect(refused.stderr).toContain(`pid ${process.pid}`);
  await daemon.logged(new RegExp(`^WARN ${RegExp.escape(stays)}`));
  expect(await answers(first)).toBe("status 200");
  // The rest of it counts.
  await daemon.logged(/^DEBUG /);
  const tookOver = `INFO took over ${path}: `;
  expect(await daemon.logged(/^INFO took over/)).toBe(
    `${tookOver}logger info → debug; max-concurrent-checks 256 → 4; checks-per-server off → 9/s of all nodes`,
  );
  taken.stop();
  expect(await daemon.reload()).toMatchObject({ code: 0, stderr: "" });
  expect(await daemon.statusText(VS)).not.toContain("stay");
  expect([await answers(first), await answers(`127.78.22.9:${taken.port}`)]).toEqual(["refused", "status 200"]);
  expect(await shownPage()).toBe(`http://127.78.22.9:${taken.port}/`);
  const moved = `${tookOver}http-listen ${first} → 127.78.22.9:${taken.port}`;
  expect(await daemon.logged(/^INFO took over/, 2)).toBe(moved);

  // Whoever listens on all addresses of a port takes it from himself.
  await write(`http-listen: ${first}`, "log-format: json");
  expect(await daemon.reload()).toMatchObject({ code: 0, stderr: "" });
  await write(`http-listen: ${everywhere}`);
  expect(await daemon.reload()).toMatchObject({ code: 0, stderr: "" });
  expect([await answers(first), await answers("127.78.22.8:18121")]).toEqual(["status 200", "status 200"]);
  // A browser cannot go to all addresses.
  expect(await shownPage()).toBe("http://127.0.0.1:18121/");
  await daemon.logged(/^\{/);
  await write();
  expect(await daemon.reload()).toMatchObject({ code: 0, stderr: "" });
  expect(await answers(first)).toBe("refused");
});

test("a real server that was drained is still so when it, or its virtual server, was left out and is back", async () => {
  const [web, other] = ["127.78.26.1:18160", "127.78.26.2:18160"];
  await using folder = await TestFolder.make();
  using second = answering(ALIVE);
  const drained = formatEndpoint(second.endpoint);
  const path = join(folder.path, "care.yaml");
  const both = virtualServer(web).map((line) =>
    line.replace(/real-servers: \[(.*)\]/, `real-servers: [$1, "${drained}"]`),
  );
  const more = virtualServer(other)
    .slice(1)
    .map((line) => line.replace("name: web", "name: other"));
  const files = [[...both, ...more], [...virtualServer(web), ...more], more, [...both, ...more]].map((lines) =>
    file(lines[0] === "virtual-servers:" ? lines.join("\n") : ["virtual-servers:", ...lines].join("\n")),
  );
  const [whole = "", withoutServer = "", withoutWeb = ""] = files;
  await Bun.write(path, whole);
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(new RegExp(`web: .*${drained} recovering → healthy`));
  await daemon.ask("drain", drained, "--vs", web);
  const take = async (content: string): Promise<void> => {
    await Bun.write(path, content);
    expect(await daemon.reload()).toMatchObject({ code: 0 });
  };
  const isHeld = async (): Promise<void> => {
    await waitFor(
      async () => (await daemon.status(web)).virtualServers[0]?.realServers.find(({ address }) => address === drained),
      (found) => found?.state === "drained" && found.hold?.drained === true && found.weight !== 1,
    );
  };
  const told = new RegExp(`^WARN web: listed again, and still held by operators .*: ${drained}: drained, `);
  await isHeld();
  await take(withoutServer);
  await waitFor(
    async () => (await daemon.status(web)).virtualServers[0]?.realServers.map(({ address }) => address),
    (found) => found?.includes(drained) === false,
  );
  await take(whole);
  await daemon.logged(told);
  await isHeld();
  await take(withoutWeb);
  await daemon.logged(/web: gone, as the configuration says/);
  await take(whole);
  await daemon.logged(told, 2);
  await isHeld();
  await daemon.ask("undrain", drained, "--vs", web);
  await waitFor(
    async () => (await daemon.status(web)).virtualServers[0]?.realServers.find(({ address }) => address === drained),
    (found) => found?.weight === 1 && found.hold === undefined,
  );
});

test("what is left out of a file counts as a change, and what leaves it counts for nothing but its drain", async () => {
  const [web, other, page] = ["127.78.23.1:18130", "127.78.23.2:18130", "127.78.23.3:18131"];
  await using folder = await TestFolder.make();
  const path = join(folder.path, "care.yaml");
  const probe = "  probe: {type: http, scheme: http, path: /}";
  const first = virtualServer(web).map((line) =>
    line.replace(probe, `${probe.slice(0, -1)}, expect: {status: [200]}}`),
  );
  const second = virtualServer(other)
    .slice(1)
    .map((line) => line.replace("name: web", "name: other"));
  await Bun.write(path, file([`http-listen: ${page}`, ...first, ...second].join("\n")));
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/other: .* recovering → healthy/);
  await using client = await openClient(other);
  await Bun.write(path, file([`http-listen: ${page}`, ...virtualServer(web)].join("\n")));
  const { code, stdout } = await daemon.reload();
  expect([code, stdout.split("\n").slice(0, 2)]).toEqual([
    0,
    [
      `~ tcp ${web} (web): probe (expect.status: [100-399])`,
      `- tcp ${other} (other): its real servers drain, then it goes`,
    ],
  ]);
  expect((await fetch(`http://${page}/readyz`)).status).toBe(200);
  client.end();
});

test("a name means the virtual server that stays, and real servers come, go and are undrained by theirs", async () => {
  const [before, after] = ["127.78.26.1:18160", "127.78.26.2:18160"];
  await using folder = await TestFolder.make();
  using second = answering(ALIVE);
  const path = join(folder.path, "care.yaml");
  const named = (address: string, ...servers: readonly (readonly [name: string, of: RawServer])[]): string =>
    file(
      virtualServer(address)
        .map((line) =>
          line.startsWith("  real-servers")
            ? `  real-servers: [${servers.map(([name, of]) => `{address: "${formatEndpoint(of.endpoint)}", name: ${name}}`).join(", ")}]`
            : line,
        )
        .join("\n"),
    );
  await Bun.write(path, named(before, ["w1", server]));
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/recovering → healthy/);
  const [first, added] = [formatEndpoint(server.endpoint), formatEndpoint(second.endpoint)];
  await Bun.write(path, named(before, ["w1", server], ["w2", second]));
  expect((await daemon.reload()).stdout).toBe(`~ tcp ${before} (web): ${added} added\n`);
  await daemon.logged(new RegExp(`real server w2 \\(${added}\\) recovering → healthy`));
  await Bun.write(path, named(before, ["one", server]));
  expect((await daemon.reload()).stdout.split("\n")[0]).toBe(
    `~ tcp ${before} (web): ${added} removed, names of real servers (${first} one)`,
  );

  await using client = await openClient(before);
  await Bun.write(path, named(after, ["one", server]));
  expect((await daemon.reload()).stdout).toContain(`- tcp ${before} (web): its real servers drain, then it goes\n`);
  await daemon.logged(/recovering → healthy/, 3);
  expect((await daemon.status(before)).virtualServers[0]).toMatchObject({ leaving: true });
  expect((await daemon.status("web")).virtualServers.map(({ address }) => address)).toEqual([after]);
  const drained = await runProgram(["drain", "one", "--vs", "web"], { XDG_RUNTIME_DIR: folder.path });
  expect([drained.code, drained.stdout]).toEqual([1, expect.stringContaining(`of web (${after}): drained`)]);
  expect(drained.stderr).toContain("until lvscare undrain one --vs web\n");
  client.end();
  // Else it is held in another run, too, where a server is given the same port.
  await daemon.ask("undrain", "one", "--vs", "web");
});

test("servers are checked on while a large file is refused, with the place of what is wrong", async () => {
  const [web, page] = ["127.78.25.1:18150", "127.78.25.3:18151"];
  await using folder = await TestFolder.make();
  const path = join(folder.path, "care.yaml");
  const first = [`http-listen: ${page}`, ...virtualServer(web).map((line) => line.replace("1s", "20ms"))];
  await Bun.write(path, file(first.join("\n")));
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/recovering → healthy/);
  const checks = async (): Promise<number> => {
    const text = await (await fetch(`http://${page}/metrics`)).text();
    return Number(/^lvscare_checks_total\{.*result="passed"\} (\d+)$/m.exec(text)?.[1]);
  };
  const others = Array.from({ length: 2000 }, (_, index) => {
    const servers = Array.from({ length: 10 }, (_item, at) => `    - {address: 10.${at}.0.1:80, weight: 1}\n`).join("");
    return `- address: 10.77.${index >> 8}.${index & 255}:80\n  probe: {type: http}\n  real-servers:\n${servers}`;
  });
  const large = file(`${first.join("\n")}\n${others.join("")}`.replace(/weight: 1\}\n$/, "weight: heavy}"));
  const before = await checks();
  await Bun.write(path, large);
  const { outcome, problems } = await daemon.request();
  const after = await checks();
  const lines = large.trimEnd().split("\n");
  const at = `${path}:${lines.length}:${(lines.at(-1)?.indexOf("heavy") ?? 0) + 1}`;
  expect([outcome, problems]).toEqual([
    "refused",
    [`${at}: error: virtual-servers[2000].real-servers[9].weight: expected a whole number, got "heavy"`],
  ]);
  // Some come before it is read, and after; where nothing else had a turn meanwhile, that is all.
  expect(after - before).toBeGreaterThan(20);
});

test("a changed probe that fails everywhere is told with what changed, by status, its exit code and the metrics", async () => {
  const [web, page] = ["127.78.24.1:18140", "127.78.24.3:18141"];
  await using folder = await TestFolder.make();
  const path = join(folder.path, "care.yaml");
  const probing = (probe: string): string =>
    file([`http-listen: ${page}`, ...virtualServer(web)].join("\n").replace("path: /}", probe));
  await Bun.write(path, probing("path: /}"));
  await using daemon = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/recovering → healthy/);
  const told = async (): Promise<readonly unknown[]> => {
    const text = await (await fetch(`http://${page}/metrics`)).text();
    const metric = /^lvscare_probe_suspicious\{.*\} (\d)$/m.exec(text)?.[1];
    return [await daemon.healthCode(web), metric, (await daemon.status(web)).virtualServers[0]?.suspicion?.changes];
  };
  expect(await told()).toEqual([0, "0", undefined]);

  await Bun.write(path, probing('path: /ready, headers: {X-Key: "secret"}, expect: {status: [204, 300-302]}}'));
  const change = "path: /ready, headers, expect.status: [204, 300-302]";
  const waited = await daemon.reload("--wait", "1m");
  const doubted = `SUSPICIOUS: the changed probe of tcp ${web} (web) lets no real server serve (`;
  expect([waited.code, waited.stdout]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(
        `^~ tcp ${web} \\(web\\): probe \\(${RegExp.escape(change)}\\)\\n${RegExp.escape(doubted)}.*\\), so the one before it decides\\n$`,
      ),
    ),
  ]);
  await daemon.logged(/^WARN web: the changed probe lets no real server serve/);
  // It stands already.
  expect(await daemon.reload()).toMatchObject({ code: 0, stdout: expect.stringContaining(doubted) });
  expect(JSON.parse((await daemon.reload("-o", "json")).stdout)).toMatchObject({
    outcome: "unchanged",
    suspicious: [expect.stringContaining("lets no real server serve")],
  });
  expect(await daemon.reload("--wait", "1m")).toMatchObject({ code: 1 });
  expect(await daemon.ask("check", formatEndpoint(server.endpoint))).toContain(
    `by the changed probe (${change}), which is SUSPICIOUS: it lets no real server serve (`,
  );
  // Metrics are answered once a second: the last answer may be from before it.
  await waitForEqual(told, [1, "1", ["path: /ready", "headers", "expect.status: [204, 300-302]"]]);
  const shown = `SUSPICIOUS for \\d+s: the changed probe \\(${RegExp.escape(change)}\\) lets no real server serve \\(`;
  expect(await daemon.statusText(web)).toMatch(new RegExp(shown));

  // Who is added meanwhile is let in by the probe before it, or by one of its own.
  const [second, third] = [answering(ALIVE), answering("nothing of HTTP")];
  using _second = second;
  using _third = third;
  const [added, other] = [formatEndpoint(second.endpoint), formatEndpoint(third.endpoint)];
  const own = `{address: "${other}", probe: {type: tcp}}`;
  const suspicious = await Bun.file(path).text();
  await Bun.write(path, suspicious.replace(/(real-servers: \[.*)\]/, `$1, "${added}", ${own}]`));
  expect(await daemon.reload()).toMatchObject({ code: 0 });
  await daemon.logged(new RegExp(`real server ${added} recovering → healthy`));
  await daemon.logged(new RegExp(`real server ${other} recovering → healthy`));

  await Bun.write(path, probing("path: /}"));
  const decided = await daemon.reload("--wait", "1m");
  expect([decided.code, decided.stdout]).toEqual([0, expect.not.stringMatching(/SUSPICIOUS|on trial/)]);
  await daemon.logged(/the changed probe decides from now on/);
  expect(await told()).toEqual([0, "0", undefined]);
});

test("a changed probe is said to be on trial, by reload, status and check, until it decides", async () => {
  const web = "127.78.25.1:18142";
  const environment = { XDG_RUNTIME_DIR: "" };
  await using folder = await TestFolder.make();
  environment.XDG_RUNTIME_DIR = folder.path;
  const path = join(folder.path, "care.yaml");
  // Nothing is checked again by itself: the changed probe has failed once, and stays on trial.
  const probing = (probe: string): string =>
    file(virtualServer(web, "fall: 3").join("\n").replace("interval: 1s", "interval: 1h").replace("path: /}", probe));
  await Bun.write(path, probing("path: /}"));
  await using daemon = new FileDaemon(path, environment);
  await daemon.logged(/recovering → healthy/);
  const one = formatEndpoint(server.endpoint);
  expect((await runProgram(["check", one], environment)).stdout).not.toContain("trial");

  await Bun.write(path, probing("path: /, expect: {status: [204]}}"));
  const reloaded = await daemon.reload();
  expect(reloaded.stdout).toBe(`~ tcp ${web} (web): probe (expect.status: [204])\n${onTrial(web)}`);
  expect(await daemon.reload("--wait", "1s")).toMatchObject({ code: 1, stdout: expect.stringContaining(onTrial(web)) });
  const [status] = (await daemon.status(web)).virtualServers;
  expect(status?.trial).toEqual({ since: expect.any(String), changes: ["expect.status: [204]"] });
  expect((await daemon.statusText(web)).replaceAll(/\s+/g, " ")).toMatch(
    / probe ON TRIAL for \d+s: the changed probe \(expect\.status: \[204\]\) decides once it has proved itself, until then the one before it/,
  );
  const checked = await runProgram(["check", one], environment);
  expect([checked.code, checked.stdout]).toEqual([
    1,
    expect.stringContaining("\n  by the changed probe (expect.status: [204]), which is on trial\n"),
  ]);

  await Bun.write(path, probing("path: /, expect: {status: [200]}}"));
  await daemon.reload();
  await daemon.logged(/the changed probe decides from now on/);
  expect((await daemon.status(web)).virtualServers[0]?.trial).toBeUndefined();
  expect((await runProgram(["check", one], environment)).stdout).not.toContain("trial");
  expect((await daemon.reload()).stdout).toMatch(/^unchanged/);
});

// --- internal ---

function onTrial(web: string): string {
  return `on trial: the changed probe of tcp ${web} (web): the one before it decides until it has proved itself\n`;
}

/** A client with a connection that stays open until it is ended. */
async function openClient(address: string): Promise<{ end(): void } & AsyncDisposable> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = await Bun.connect({ hostname, port: Number(port), socket: { data: () => undefined } });
  return { end: () => void socket.end(), [Symbol.asyncDispose]: async () => void socket.end() };
}

function file(rest: string): string {
  return rest === "" ? "" : `version: 1\n${rest}\n`;
}

/** As a file has it, `web` by name; `option` is one line more. */
function virtualServer(address: string, option?: string): readonly string[] {
  return [
    "virtual-servers:",
    "- name: web",
    `  address: ${address}`,
    "  data-plane: userspace",
    "  mode: none",
    "  interval: 1s",
    ...(option === undefined ? [] : [`  ${option}`]),
    "  probe: {type: http, scheme: http, path: /}",
    `  real-servers: ["${formatEndpoint(server.endpoint)}"]`,
  ];
}

/** In the log, each reading has a line. */
function isReading(line: string): boolean {
  return /^INFO (read .* again|took over \/)/.test(line);
}
