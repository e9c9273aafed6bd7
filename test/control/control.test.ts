import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Answers, type ControlSources, type ControlVirtualServer } from "../../src/control/answers.ts";
import {
  readAnswer,
  requestCheck,
  requestEventReports,
  requestHold,
  requestListing,
  requestReload,
  requestStatus,
  requestStatuses,
} from "../../src/control/client.ts";
import {
  configSocketPath,
  makeRuntimeDirectory,
  runtimeDirectory,
  socketPath,
} from "../../src/control/runtime-directory.ts";
import { serveControl, type ControlServer } from "../../src/control/server.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { EventReport } from "../../src/domain/event-record.ts";
import { changeHold, type HoldChange } from "../../src/domain/hold.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";

const key = { protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") } as const;
const status: VirtualServerStatus = {
  address: "10.96.0.1:443",
  protocol: "tcp",
  scheduler: "rr",
  dataPlane: { kind: "ipvs", via: "libnl" },
  stats: NO_TRAFFIC,
  realServers: [],
};
const uid = process.getuid?.() ?? 0;

const EVENTS: EventReport = {
  address: status.address,
  protocol: "tcp",
  startedAt: "2026-11-24T10:00:00.000Z",
  sinceBootMs: 2000,
  events: [1, 2, 3].map((id) => ({
    id,
    at: "2026-11-24T10:00:01.000Z",
    sinceBootMs: 1000,
    level: "info",
    message: `the ${id}.`,
    type: "plan.applied",
  })),
};

const NEIGHBOUR = "10.0.0.1:80";
const SERVER: ControlVirtualServer = {
  named: { protocol: "tcp", address: status.address },
  realServers: [{ address: NEIGHBOUR }],
  status: () => Promise.resolve(status),
  members: () => ({
    protocol: "tcp",
    address: status.address,
    members: [{ address: NEIGHBOUR, source: "configuration", state: "listed" }],
  }),
  events: (after) => ({ ...EVENTS, events: EVENTS.events.filter(({ id }) => id > after) }),
  hold: (server, change) => {
    if (server !== NEIGHBOUR) throw new LvscareError("NOT_LISTED", `${server} is no real server`);
    const hold = changeHold(undefined, change, "2026-11-24T10:00:01.000Z");
    const realServer = { address: server, state: "healthy", activeConnections: 0, inactiveConnections: 0 } as const;
    return Promise.resolve({
      virtualServer: status.address,
      virtualServerProtocol: "tcp",
      scheduler: "rr",
      realServer: { ...realServer, ...(hold && { hold }) },
    });
  },
  check: (server) =>
    Promise.resolve({
      virtualServer: status.address,
      virtualServerProtocol: "tcp",
      realServer: server,
      verdict: { passed: true, reason: "status 200", latencyMs: 1, timings: { connectMs: 0.5 } },
    }),
};

const SOURCES: ControlSources = { virtualServers: () => [SERVER] };

let folder = "";
const servers: ControlServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lvscare-control-"));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

describe("control socket", () => {
  test("answers the status to its owner alone, whatever proxy the environment names", async () => {
    const { path } = await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
    try {
      expect(await requestStatus(path)).toEqual(status);
    } finally {
      delete process.env["HTTP_PROXY"];
    }
  });

  test("holds real servers and checks them when its owner asks", async () => {
    const { path } = await serve();
    const held = async (change: HoldChange): Promise<unknown> =>
      (await requestHold(path, { server: NEIGHBOUR }, change)).realServer.hold;
    const since = "2026-11-24T10:00:01.000Z";
    expect(await held({ kind: "drain" })).toEqual({ since, drained: true });
    expect(await held({ kind: "undrain" })).toBeUndefined();
    expect(await held({ kind: "weight", weight: 65_535 })).toEqual({ since, drained: false, weight: 65_535 });
    expect(await held({ kind: "weight", weight: undefined })).toBeUndefined();
    expect((await requestCheck(path, { server: NEIGHBOUR })).verdict).toMatchObject({
      passed: true,
      timings: { connectMs: 0.5 },
    });
    expect(requestHold(path, { server: "10.0.0.9:80" }, { kind: "drain" })).rejects.toThrow(
      "answered 404: 10.0.0.9:80 is no real server",
    );
  });

  test("answers a check however long that takes", async () => {
    // The runtime closes a connection on which nothing happens for ten seconds, unless it is told not to.
    const overdue = AbortSignal.timeout(12_500);
    const { path } = await serve(undefined, async (server, signal) => {
      await new Promise((resolve) => overdue.addEventListener("abort", resolve, { once: true }));
      return SERVER.check(server, signal);
    });
    expect((await requestCheck(path, { server: NEIGHBOUR })).verdict.passed).toBe(true);
  }, 120_000);

  test("changes nothing by a request that it does not understand wholly", async () => {
    const { path } = await serve();
    const bad = ["", "?server=10.0.0.1:80", "?change=kill", ...["0", "-1", "1.5", "65536", "1e3", ""].map(weightOf)];
    for (const query of bad) expect(await statusCode(path, "POST", `/v1/hold${query}`)).toBe(400);
    expect(await statusCode(path, "GET", "/v1/hold?server=10.0.0.1:80&change=drain")).toBe(405);
    expect(await statusCode(path, "GET", "/v1/check?server=10.0.0.1:80")).toBe(405);
  });

  test("knows no other path and no other method", async () => {
    const { path } = await serve();
    expect(await statusCode(path, "GET", "/")).toBe(404);
    expect(await statusCode(path, "GET", "/v1/nothing")).toBe(404);
    expect(await statusCode(path, "GET", "/v2/status")).toBe(400);
    expect(await statusCode(path, "POST", "/v1/status")).toBe(405);
  });

  test("takes nothing larger than a question can be, and answers others meanwhile", async () => {
    const { path } = await serve();
    expect(await statusCode(path, "POST", "/v1/status", { body: "x".repeat(5000) })).toBe(413);
    expect(await statusCode(path, "GET", "/v1/status", { header: "x".repeat(20_000) })).toBe(431);
    // Who begins and never ends keeps nobody else from an answer.
    const idle = createConnection(path);
    try {
      idle.write("GET /v1/status HTTP/1.1\r\nHost: ");
      expect(await requestStatus(path)).toEqual(status);
    } finally {
      idle.destroy();
    }
  });

  test("answers so often and no oftener, and those who ask at once with one look at the table", async () => {
    let looks = 0;
    const server = { ...SERVER, status: () => Promise.resolve(status).finally(() => looks++) };
    const answers = new Answers({ virtualServers: () => [server] }, () => 0);
    const codes = await Promise.all(
      Array.from({ length: 150 }, async () => (await answers.answer(new Request("http://x/v1/status"))).status),
    );
    expect([codes.filter((code) => code === 200).length, codes.filter((code) => code === 429).length]).toEqual([
      100, 50,
    ]);
    expect(looks).toBe(1);
  });

  test("answers for each of several virtual servers by its address or name, as they are at the moment", async () => {
    const held: string[] = [];
    const all = [virtual("10.96.0.1:443", "web"), virtual("10.96.0.2:443", undefined)];
    const { path } = serveAll({ virtualServers: () => all, networkNamespace: "1", configFile: "/etc/lvs.yaml" });
    const addresses = async (...words: readonly string[]): Promise<readonly string[]> =>
      (await requestStatuses(path, words)).map(({ address }) => address);
    expect(await addresses()).toEqual(["10.96.0.1:443", "10.96.0.2:443"]);
    expect(await addresses("10.96.0.2:443", "web", "web", "nobody")).toEqual(["10.96.0.1:443", "10.96.0.2:443"]);
    expect(await addresses("10.96.0.2:443")).toEqual(["10.96.0.2:443"]);
    expect(await addresses("nobody")).toEqual([]);
    // The event of the process is told once, with the first one that was asked for.
    const told = async (...words: readonly string[]): Promise<unknown> =>
      (await requestEventReports(path, 1, words)).map(({ address, events }) => [address, events.map(({ id }) => id)]);
    expect(await told()).toEqual([
      ["10.96.0.1:443", [2, 3]],
      ["10.96.0.2:443", []],
    ]);
    expect(await told("10.96.0.2:443")).toEqual([["10.96.0.2:443", [2, 3]]]);
    expect(await requestListing(path)).toEqual({
      networkNamespace: "1",
      configFile: "/etc/lvs.yaml",
      virtualServers: [
        {
          protocol: "tcp",
          address: "10.96.0.1:443",
          name: "web",
          realServers: [{ address: NEIGHBOUR, name: "own-web" }],
        },
        { protocol: "tcp", address: "10.96.0.2:443", realServers: [{ address: NEIGHBOUR, name: "own-" }] },
      ],
    });

    // What is meant by one of several must be clear.
    const one = async (target: string): Promise<unknown> => (await answered(target)).json();
    expect(await one("/v1/status?vs=web")).toMatchObject({ address: "10.96.0.1:443" });
    const names = "?vs= names one of web (10.96.0.1:443), 10.96.0.2:443";
    for (const target of ["/v1/status", "/v1/events?after=0", "/v1/status?vs=nobody"]) {
      const response = await answered(target);
      expect([response.status, await response.json()]).toEqual([400, { error: names }]);
    }
    const drain = (server: string, virtualServer?: string): Promise<unknown> =>
      requestHold(path, { server, ...(virtualServer !== undefined && { virtualServer }) }, { kind: "drain" });
    await expect(drain(NEIGHBOUR)).rejects.toThrow(
      `answered 400: ${NEIGHBOUR} may be ${NEIGHBOUR} of web (10.96.0.1:443), ${NEIGHBOUR} of 10.96.0.2:443`,
    );
    await expect(drain("10.0.0.9:80")).rejects.toThrow("answered 404: no real server 10.0.0.9:80 is cared for");
    await expect(drain(NEIGHBOUR, "nobody")).rejects.toThrow(`answered 400: ${names}`);
    expect(held).toEqual([]);
    await drain("own-web");
    await drain(NEIGHBOUR, "10.96.0.2:443");
    expect(held).toEqual([`10.96.0.1:443 ${NEIGHBOUR}`, `10.96.0.2:443 ${NEIGHBOUR}`]);

    all.shift();
    expect(await addresses()).toEqual(["10.96.0.2:443"]);
    await drain(NEIGHBOUR);
    expect(held).toHaveLength(3);

    function virtual(address: string, name: string | undefined): ControlVirtualServer {
      return {
        ...SERVER,
        named: { protocol: "tcp", address, ...(name !== undefined && { name }) },
        realServers: [{ address: NEIGHBOUR, name: `own-${name ?? ""}` }],
        status: () => Promise.resolve({ ...status, address }),
        events: (after, which = "all") => ({
          ...SERVER.events(which === "all" ? after : Number.POSITIVE_INFINITY),
          address,
        }),
        hold: (server, change, by) => {
          held.push(`${address} ${server}`);
          return SERVER.hold(server, change, by);
        },
      };
    }
    function answered(target: string): Promise<Response> {
      return new Answers({ virtualServers: () => all }).answer(new Request(`http://x${target}`));
    }
  });

  test("makes a long answer in turns with others, and leaves out a virtual server that goes meanwhile", async () => {
    const BUSY_MS = 2;
    let turns = 0;
    let all: readonly ControlVirtualServer[] = [];
    const one = (at: number): ControlVirtualServer => ({
      ...SERVER,
      named: { protocol: "tcp", address: `10.96.0.${at}:443` },
      status: () => {
        const untilMs = performance.now() + BUSY_MS;
        while (performance.now() < untilMs);
        if (at !== 7) return Promise.resolve({ ...status, address: `10.96.0.${at}:443` });
        all = all.slice(1);
        return Promise.reject(new Error("it is gone"));
      },
    });
    all = [7, 1, 2, 3, 4, 5, 6, 8, 9].map(one);
    const tick = (): void => {
      turns++;
      next = setImmediate(tick);
    };
    let next = setImmediate(tick);
    const answer = await new Answers({ virtualServers: () => all }).answer(new Request("http://x/v1/statuses"));
    clearImmediate(next);
    expect(turns).toBeGreaterThan(1);
    const { virtualServers } = (await answer.json()) as { readonly virtualServers: readonly VirtualServerStatus[] };
    expect(virtualServers.map(({ address }) => address[8])).toEqual(["1", "2", "3", "4", "5", "6", "8", "9"]);
  });

  test("reads the configuration file again for who asks, and says so where there is none", async () => {
    const report = { outcome: "applied", changes: ["+ web"], draining: [], problems: [] } as const;
    const { path } = serveAll({ ...SOURCES, reload: () => Promise.resolve(report) });
    expect(await requestReload(path)).toEqual(report);
    expect(await statusCode(path, "GET", "/v1/reload")).toBe(405);
    const { path: ofFlags } = serveAll(SOURCES);
    await expect(requestReload(ofFlags)).rejects.toThrow(
      "answered 400: this daemon was started with flags: there is no file to read again",
    );
  });

  test("a daemon of another version, or somebody else at the socket, is told from one that has nothing to say", () => {
    expect(readAnswer(200, "null")).toEqual({ problem: "gave an answer that is no status" });
    expect(readAnswer(200, "[1]")).toEqual({ problem: "gave an answer that is no status" });
    expect(readAnswer(200, "{")).toEqual({ problem: "gave an answer that is not JSON" });
    expect(readAnswer(400, '{"error":"this daemon speaks v2"}')).toEqual({
      problem: "answered 400: this daemon speaks v2",
    });
    expect(readAnswer(500, "oops")).toEqual({ problem: "answered 500" });
  });

  test("tells what happened, and only what is new to who asks again", async () => {
    const { path } = await serve();
    expect(await requestEventReports(path, 0)).toEqual([EVENTS]);
    expect((await requestEventReports(path, 2)).map(({ events }) => events.map(({ id }) => id))).toEqual([[3]]);
    const alone = new Answers(SOURCES).answer(new Request("http://x/v1/events?after=2"));
    expect(await (await alone).json()).toEqual({ ...EVENTS, events: EVENTS.events.slice(2) });
    expect(await statusCode(path, "GET", "/v1/events?after=-1")).toBe(400);
  });

  test("is said to be out of reach where nobody answers, and to say too much where the answer has no end", async () => {
    const path = socketPath(folder, key);
    await expect(requestStatus(path)).rejects.toMatchObject({
      message: `the daemon at ${path} cannot be reached: ENOENT`,
      cause: { code: "ENOENT" },
    });
    const chunk = new Uint8Array(1024 * 1024);
    const endless = (): Response => new Response(new ReadableStream({ pull: (sink) => sink.enqueue(chunk) }));
    const chatterbox = Bun.serve({ unix: path, fetch: endless });
    try {
      await expect(requestStatus(path)).rejects.toThrow("its answer is too large");
    } finally {
      await chatterbox.stop(true);
    }
  });

  test("does not count the time in which whoever asks was held up", async () => {
    const path = socketPath(folder, key);
    const answers = `fetch: async () => (await Bun.sleep(200), Response.json({ virtualServers: [] }))`;
    const script = `Bun.serve({ unix: ${JSON.stringify(path)}, ${answers} }); console.log("up")`;
    await using daemon = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    await daemon.stdout.getReader().read();
    const listing = requestListing(path, 1000);
    Bun.sleepSync(1500);
    expect(await listing).toEqual({ virtualServers: [] });
    // Whoever does not answer is given up all the same.
    daemon.kill("SIGSTOP");
    await expect(requestListing(path, 100)).rejects.toThrow("does not answer");
    daemon.kill("SIGKILL");
  });

  test("tells why a status could not be given", async () => {
    const { path } = await serve(() => Promise.reject(new Error("the table cannot be read")));
    const refusal = requestStatus(path);
    await expect(refusal).rejects.toMatchObject({
      code: "CONTROL_FAILED",
      message: expect.stringMatching(/^the daemon at .* answered 500: the table cannot be read$/),
    });
  });

  test("replaces a socket that a killed daemon left, and removes its own", async () => {
    const path = socketPath(folder, key);
    const killed = Bun.spawn(
      [
        process.execPath,
        "-e",
        `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); console.log("up")`,
      ],
      { stdout: "pipe" },
    );
    await killed.stdout.getReader().read();
    killed.kill("SIGKILL");
    await killed.exited;
    expect(existsSync(path)).toBe(true);
    const server = await serve();
    expect(server.path).toBe(path);
    expect(await requestStatus(path)).toEqual(status);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test("leaves the socket of a daemon elsewhere alone and takes a name of its own", async () => {
    const first = await serve();
    const second = await serve(() => Promise.resolve({ ...status, scheduler: "wlc" }));
    expect(second.path).toBe(socketPath(folder, key, "4026531840"));
    expect((await requestStatus(first.path)).scheduler).toBe("rr");
    expect((await requestStatus(second.path)).scheduler).toBe("wlc");
  });

  test.each(["busy", "silent"])("leaves that of a %s daemon alone, too", async (how) => {
    const path = socketPath(folder, key);
    const owner = Bun.spawn(
      [
        process.execPath,
        "-e",
        `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response("", { status: 429 }) }); console.log("up")`,
      ],
      { stdout: "pipe" },
    );
    await owner.stdout.getReader().read();
    if (how === "silent") owner.kill("SIGSTOP");
    const { ino } = statSync(path);
    expect((await serve()).path).toBe(socketPath(folder, key, "4026531840"));
    // The second place is asked for as well.
    await expect(serve()).rejects.toMatchObject({ code: "CONTROL_FAILED", message: "others listen there" });
    expect(statSync(path).ino).toBe(ino);
    owner.kill("SIGKILL");
    await owner.exited;
  });

  test("knows when its socket is gone or another's, and leaves another's there at its end", async () => {
    const first = await serve();
    expect(first.stands()).toBe(true);
    rmSync(first.path);
    expect(first.stands()).toBe(false);
    const second = await serve();
    expect([second.path, first.stands(), second.stands()]).toEqual([first.path, false, true]);
    await first.close();
    expect(await requestStatus(second.path)).toEqual(status);
    expect(readdirSync(folder)).toEqual([basename(second.path)]);
  });

  test("touches neither a file nor a link that lies in its place", async () => {
    const path = socketPath(folder, key);
    const precious = join(folder, "precious");
    writeFileSync(precious, "kept");
    symlinkSync(precious, path);
    await expect(serve()).rejects.toMatchObject({ code: "CONTROL_FAILED" });
    expect(await Bun.file(precious).text()).toBe("kept");
  });
});

describe("runtime directory", () => {
  test("has a socket of one name for each configuration file", () => {
    const path = configSocketPath("/run/lvscare", "/etc/lvscare.yaml");
    expect(path).toMatch(/^\/run\/lvscare\/config-[\da-f]{8}\.sock$/);
    expect(configSocketPath("/run/lvscare", "/etc/other.yaml")).not.toBe(path);
    expect(configSocketPath("/run/lvscare", "/etc/lvscare.yaml", "4026531840")).toBe(
      path.replace(".sock", "-4026531840.sock"),
    );
  });

  test("is root's under /run and anybody else's under XDG_RUNTIME_DIR", () => {
    expect(runtimeDirectory({ XDG_RUNTIME_DIR: "/elsewhere" }, 0)).toBe("/run/lvscare");
    expect(runtimeDirectory({ XDG_RUNTIME_DIR: "/run/user/7" }, 7)).toBe("/run/user/7/lvscare");
    expect(runtimeDirectory({}, 7)).toBe("/run/user/7/lvscare");
  });

  test("is made for its owner alone, and refused when others could have planted it", () => {
    const path = join(folder, "made");
    makeRuntimeDirectory(path, uid);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    makeRuntimeDirectory(path, uid);
    const link = join(folder, "link");
    symlinkSync(path, link);
    expect(() => makeRuntimeDirectory(link, uid)).toThrow("only this user can write to");
    expect(() => makeRuntimeDirectory(path, uid + 1)).toThrow("only this user can write to");
  });
});

// --- internal ---

async function serve(
  answer = (): Promise<VirtualServerStatus> => Promise.resolve(status),
  check = SERVER.check,
): Promise<ControlServer> {
  return serveAll({ virtualServers: () => [{ ...SERVER, status: answer, check }] });
}

function serveAll(sources: ControlSources): ControlServer {
  const server = serveControl([socketPath(folder, key), socketPath(folder, key, "4026531840")], sources);
  servers.push(server);
  return server;
}

function weightOf(weight: string): string {
  return `?server=10.0.0.1:80&change=weight&weight=${weight}`;
}

function statusCode(
  path: string,
  method: string,
  target: string,
  { body = "", header = "" }: { readonly body?: string; readonly header?: string } = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = header === "" ? {} : { "x-filler": header };
    request({ socketPath: path, method, path: target, headers }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
    })
      .on("error", reject)
      .end(body);
  });
}
