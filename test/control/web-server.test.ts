import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { MOST_LISTENERS, STREAM_PACE } from "../../src/control/event-stream.ts";
import { WebAnswers } from "../../src/control/web-answers.ts";
import { IDLE_TIMEOUT_S, serveWeb } from "../../src/control/web-server.ts";
import type { RealServerReport } from "../../src/control/real-server-report.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { LVSCARE } from "../cli/run-program.ts";
import { PretendedDaemon } from "./support/pretended-daemon.ts";
import { SseReader } from "./support/sse-reader.ts";
import { WebDaemon } from "./support/web-daemon.ts";

let daemon: WebDaemon;
beforeAll(() => {
  daemon = new WebDaemon("127.77.0.13", 3);
});
afterAll(() => daemon.stop());

describe("the page's files", () => {
  test("come with types and a policy that keeps everything else out", async () => {
    const html = await (await get("/")).text();
    const files = [...html.matchAll(/(?:href|src)="(page\/[^"]+)"/g)].map(([, path = ""]) => `/${path}`);
    expect(files).toContainEqual("/page/main.js");
    const types = new Set<string | null>();
    for (const path of ["/", ...new Set(files)]) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 200]);
      types.add(response.headers.get("content-type"));
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("cache-control")).toBe("no-store");
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy.split("; ").filter((directive) => !directive.endsWith(" 'self'"))).toEqual([
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ]);
    }
    expect([...types]).toEqual([
      "text/html; charset=utf-8",
      "image/svg+xml",
      "text/css; charset=utf-8",
      "text/javascript; charset=utf-8",
    ]);
  });

  test("name no other place, and hold no markup that runs", async () => {
    const html = await (await get("/")).text();
    expect(html).not.toMatch(/\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)/);
    const everything = html + (await (await get("/page/page.css")).text());
    expect(everything).not.toMatch(/https?:|url\(|@import/);
  });

  test("have heads as they have bodies, and there is nothing beside them", async () => {
    for (const path of ["/", "/page/main.js", "/api/v1/status"]) {
      const head = await get(path, { method: "HEAD" });
      const whole = await get(path);
      expect([head.status, head.headers.get("content-type")]).toEqual([200, whole.headers.get("content-type")]);
      expect(await head.text()).toBe("");
    }
    expect((await get("/", { method: "POST" })).status).toBe(405);
    for (const path of ["/page", "/page/", "/page/tsconfig.json", "/page/../web-server.ts", "/page/constructor"]) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
    expect(await (await get("/nowhere")).text()).toContain("/api/v1/stream");
  });
});

test("ready is who answers clients and can still take a server out", async () => {
  const ready = async (): Promise<[number, string]> => {
    const answer = await get("/readyz");
    return [answer.status, await answer.text()];
  };
  expect(await ready()).toEqual([200, "ok\n"]);
  const { status } = daemon;
  const { daemon: facts } = status;
  if (facts === undefined) throw new Error("no daemon");
  const failing = { since: daemon.startedAt, message: "not permitted (EPERM)" };
  daemon.status = { ...status, daemon: { ...facts, failing } };
  expect(await ready()).toEqual([503, "nothing can be written to the data plane: not permitted (EPERM)\n"]);
  daemon.status = { ...status, realServers: status.realServers.map((server) => ({ ...server, weight: 0 })) };
  expect(await ready()).toEqual([503, "no real server is in service\n"]);
  daemon.status = status;
});

test("of several virtual servers all are to be ready, or those that are named", async () => {
  const [one, other] = [new PretendedDaemon(2), new PretendedDaemon(2)];
  const { status } = other;
  const emptied = status.realServers.map((server) => ({ ...server, weight: 0 }));
  other.status = { ...status, address: "10.103.97.13:6443", realServers: emptied };
  const all = [one.source(), { ...other.source(), named: { ...other.source().named, name: "web" } }];
  const answers = new WebAnswers({ virtualServers: () => all, metrics: () => "" }, { isLoopback: false });
  const ready = async (query = ""): Promise<[number, string]> => {
    const answer = await answers.answer(new Request(`http://127.0.0.1/readyz${query}`));
    return [answer.status, await answer.text()];
  };
  const nobody = "no real server is in service\n";
  expect(await ready()).toEqual([503, `10.103.97.13:6443: ${nobody}`]);
  expect(await ready("?vs=10.103.97.12:6443")).toEqual([200, "ok\n"]);
  expect(await ready("?vs=web")).toEqual([503, nobody]);
  expect(await ready("?vs=10.103.97.12:6443&vs=web")).toEqual([503, `10.103.97.13:6443: ${nobody}`]);
  for (const query of ["?vs=zzz", "?vs=", "?vs=web&vs=zzz"])
    expect([query, ...(await ready(query))]).toEqual([
      query,
      400,
      "?vs= names one of 10.103.97.12:6443, 10.103.97.13:6443\n",
    ]);
});

test("a real server that is not named is a bad request, and one that is not there is not found", async () => {
  const statuses = ["", "?server=", "?server=10.9.9.9:80"].map(async (query) => {
    return (await get(`/api/v1/real-server${query}`)).status;
  });
  expect(await Promise.all(statuses)).toEqual([400, 404, 404]);
});

describe("a request that no browser would make", () => {
  test("is answered in a line, whatever it names as the host, and is not told of in the log", async () => {
    const own = Bun.spawn([process.execPath, "-e", SERVE_ALONE], { stdout: "pipe", stderr: "pipe" });
    try {
      await own.stdout.getReader().read();
      for (const host of ["a b", "[", "a/b", "user@x", "x:99999", "#", "%"]) {
        expect([host, await firstLine(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n`)]).toEqual([
          host,
          expect.stringMatching(/^HTTP\/1.1 4\d\d /),
        ]);
      }
      // Probes of the old kind name none.
      expect(await firstLine("GET /healthz HTTP/1.1\r\nHost:\r\n")).toStartWith("HTTP/1.1 200 ");
      expect(await firstLine("GET /healthz HTTP/1.0\r\n")).toStartWith("HTTP/1.1 200 ");
    } finally {
      own.kill();
      await own.exited;
    }
    expect(await own.stderr.text()).toBe("");
  });

  test("in the name of somebody else's site is refused on loopback, where a browser was led by that name", async () => {
    const codeFor = async (host: string): Promise<number> =>
      (await get("/api/v1/status", { headers: { host } })).status;
    for (const host of ["evil.example", "evil.example:18081", "127.0.0.1.evil.example", "localhost.evil.example"]) {
      expect([host, await codeFor(host)]).toEqual([host, 421]);
    }
    for (const host of [
      "127.77.0.13:18081",
      "127.0.0.1:9105",
      "[::1]:9105",
      "localhost:9105",
      "LOCALHOST",
      "node.localhost",
    ]) {
      expect([host, await codeFor(host)]).toEqual([host, 200]);
    }
    const answers = new WebAnswers(daemon.sources(), { isLoopback: false });
    const request = new Request("http://node-1.example:9105/api/v1/status", {
      headers: { host: "node-1.example:9105" },
    });
    expect((await answers.answer(request)).status).toBe(200);
    answers.close();
  });

  test("is refused likewise on a loopback address of IPv4 that is written as one of IPv6", async () => {
    const own = serveWeb({ family: "ipv6", address: "::ffff:7f4d:d", port: 18_083 }, daemon.sources());
    try {
      const codeFor = async (host: string): Promise<number> =>
        (await fetch("http://127.77.0.13:18083/api/v1/status", { headers: { host } })).status;
      expect(await codeFor("evil.example:18083")).toBe(421);
      expect(await codeFor("[::ffff:127.77.0.13]:18083")).toBe(200);
    } finally {
      await own.close();
    }
  });

  test("again and again keeps nobody else from an answer", async () => {
    const before = daemon.readings;
    const answers = new WebAnswers(daemon.sources(), { isLoopback: true, now: () => 0 });
    const codes = new Set<number>();
    for (let ask = 0; ask < 500; ask++) {
      for (const path of ["/readyz", "/metrics", "/api/v1/status", "/api/v1/events", "/healthz"]) {
        const { status } = await answers.answer(new Request(`http://127.0.0.1${path}`));
        if (path !== "/api/v1/events") codes.add(status);
      }
    }
    answers.close();
    expect([...codes]).toEqual([200]);
    // The table was not looked at each time.
    expect(daemon.readings - before).toBeWithin(1, 101);
  });

  test("is told what may be asked", async () => {
    const refused = await get("/", { method: "OPTIONS" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("the daemon", () => {
  test.each([
    ["127.77.0.15:18084", "http://127.77.0.15:18084/"],
    ["0.0.0.0:18084", "http://127.0.0.1:18084/"],
    ["[::]:18084", "http://[::1]:18084/"],
  ])("that listens at %s says at its start where the page is: %s", async (listen, url) => {
    const flags = `--vs 127.77.0.15:18080 --rs 127.0.0.1:1 --data-plane userspace --http-listen ${listen}`;
    const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], { stdout: "ignore", stderr: "pipe" });
    try {
      let log = "";
      for await (const chunk of care.stderr) {
        log += new TextDecoder().decode(chunk);
        if (log.includes(" are at ")) break;
      }
      expect(log).toContain(` INFO page, metrics and health are at ${url}\n`);
      expect(await (await fetch(url)).text()).toStartWith("<!doctype html>");
    } finally {
      care.kill();
      await care.exited;
    }
  });
});

test("a daemon remembers what became of its checks, and tells it of one real server and on the page's stream", async () => {
  const flags = "--vs 127.77.0.15:18080 --rs 127.0.0.1:1 --data-plane userspace --http-listen 127.77.0.15:18085";
  const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], { stdout: "ignore", stderr: "ignore" });
  const at = (path: string): Promise<Response | undefined> =>
    fetch(`http://127.77.0.15:18085${path}`).catch(() => undefined);
  try {
    const report = await waitFor(
      async () => {
        const answer = await at("/api/v1/real-server?server=127.0.0.1:1");
        return answer?.status === 200 ? ((await answer.json()) as RealServerReport) : undefined;
      },
      (told) => told !== undefined && told.failures.length > 0,
    );
    expect(report?.realServer).toMatchObject({ address: "127.0.0.1:1", lastVerdict: { passed: false } });
    expect(report?.failures[0]).toMatchObject({ reason: "connect refused", since: expect.stringContaining("T") });
    const stream = await at("/api/v1/stream?brief=1");
    if (stream === undefined) throw new Error("there is no stream");
    const reader = read(stream);
    expect((await reader.next("checks"))?.data).toEqual({ "127.0.0.1:1": expect.stringMatching(/^!+$/) });
    await reader.leave();
    const stranger = await at("/api/v1/real-server?server=127.0.0.1:2");
    expect([stranger?.status, await stranger?.text()]).toEqual([404, expect.stringContaining("names a real server")]);
  } finally {
    care.kill();
    await care.exited;
  }
}, 120_000);

describe("the stream", () => {
  test("is a stream of events that no proxy is to hold back, and goes on where it was left", async () => {
    const first = await get("/api/v1/stream");
    expect(first.headers.get("content-type")).toBe("text/event-stream");
    expect(first.headers.get("cache-control")).toBe("no-store");
    const reader = read(first);
    expect(await reader.next("status")).toMatchObject({ data: { address: daemon.status.address } });
    daemon.move(1, "draining", "status 503");
    const seen = await reader.next("event");
    expect(seen?.id).toBe(`${daemon.startedAt}/1`);
    await reader.leave();
    daemon.move(1, "removed", "status 503");
    const again = read(await get("/api/v1/stream", { headers: { "last-event-id": seen?.id ?? "" } }));
    expect((await again.next("event"))?.id).toBe(`${daemon.startedAt}/2`);
    await again.leave();
  });

  test("has room for so many, and for others when those have gone", async () => {
    const heads = await Promise.all(
      Array.from({ length: MOST_LISTENERS }, () => get("/api/v1/stream", { method: "HEAD" })),
    );
    expect(new Set(heads.map(({ status }) => status))).toEqual(new Set([200]));
    const full = await Promise.all(Array.from({ length: MOST_LISTENERS }, () => get("/api/v1/stream")));
    expect(new Set(full.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await get("/api/v1/stream");
    expect([refused.status, await refused.text()]).toEqual([503, "too many listeners\n"]);
    await Promise.all(full.map((response) => response.body?.cancel()));
    for (;;) {
      const response = await get("/api/v1/stream");
      await response.body?.cancel();
      if (response.status === 200) break;
      expect(response.status).toBeOneOf([429, 503]);
    }
  });

  test("is never so quiet that the server takes it for idle", () => {
    expect(STREAM_PACE.quietMs + 2 * STREAM_PACE.readMs).toBeLessThan(IDLE_TIMEOUT_S * 1000);
  });

  test("ends with the server", async () => {
    const own = new WebDaemon("127.77.0.14", 1);
    const reader = read(await fetch(`${own.url}/api/v1/stream`));
    await reader.next("status");
    const [end] = await Promise.all([reader.next("none").catch(() => "broken off"), own.stop()]);
    expect([undefined, "broken off"]).toContain(end as string | undefined);
    await expect(fetch(own.url)).rejects.toThrow();
  });
});

// --- internal ---

const ALONE = { hostname: "127.77.0.14", port: 18_082 };

/** In a process of its own, whose log can be read. */
const SERVE_ALONE = `
  const { serveWeb } = await import(${JSON.stringify(join(import.meta.dir, "../../src/control/web-server.ts"))});
  serveWeb({ family: "ipv4", address: "${ALONE.hostname}", port: ${ALONE.port} }, { virtualServers: () => [] });
  console.log("up");
`;

function firstLine(head: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const socket = connect({ host: ALONE.hostname, port: ALONE.port });
  socket.on("error", reject);
  socket.on("data", (chunk) => {
    text += chunk.toString();
    socket.destroy();
  });
  socket.on("close", () => resolve(text.split("\r\n")[0] ?? ""));
  socket.end(`${head}Connection: close\r\n\r\n`);
  return promise;
}

function get(path: string, init?: RequestInit): Promise<Response> {
  return fetch(daemon.url + path, init);
}

function read(response: Response): SseReader {
  if (response.body === null) throw new Error("there is no body");
  return new SseReader(response.body);
}
