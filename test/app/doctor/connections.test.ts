import { describe, expect, test } from "bun:test";
import { judgeConnections } from "../../../src/app/doctor/connections.ts";
import { parseConnection, realServersOf } from "../../../src/app/doctor/ipvs-connections.ts";
import { tcpConnect, type TcpConnection } from "../../../src/app/doctor/tcp-connect.ts";
import { pinning } from "../../../src/app/doctor/pinning.ts";
import { parseProcTable } from "../../../src/app/doctor/proc-table.ts";
import type { Subject } from "../../../src/app/doctor/subject.ts";
import {
  triedServers,
  tryConnections,
  type Attempt,
  type ConnectionPorts,
  type ConnectionReadings,
  type TrialConnection,
} from "../../../src/app/doctor/try-connections.ts";
import { formatEndpoint, parseEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { virtualServer } from "../../../src/domain/virtual-server.ts";
import { A, B, DAEMON, server, subject } from "./subjects.ts";

const FINE: Attempt = { failure: undefined, latencyMs: 2 };
const REFUSED: Attempt = { failure: "connect refused", latencyMs: 1 };
const TIMED_OUT: Attempt = { failure: "connect timed out after 2s", latencyMs: 2000 };
const NODE = "192.168.0.9";

describe("what is made of connections", () => {
  test("that reach each real server", () => {
    expect(judge([FINE, FINE], [trial(A), trial(B)])).toEqual([
      `${A} ok answers through the virtual server in 2ms`,
      `${B} ok answers through the virtual server in 2ms`,
    ]);
  });

  test("that one real server refuses, with and without the virtual server", () => {
    const [, finding] = judgeConnections(subject(), readings([FINE, REFUSED], [trial(A), trial(B, REFUSED)]));
    expect(finding).toEqual({
      state: "problem",
      check: "connection",
      message: "does not answer, even past the virtual server: connect refused",
      remedy: "see what listens there: `ss -ltnp 'sport = :6443'` on 192.168.0.3",
      virtualServer: "tcp 10.103.97.2:6443",
      realServer: B,
    });
  });

  test("that get lost on the way through only", () => {
    const trials = [trial(A), trial(B, TIMED_OUT), trial(B)];
    expect(judge([FINE, FINE], trials)[1]).toBe(
      `${B} problem answers itself, but through the virtual server 1 of 2 connections fail: connect timed out after 2s`,
    );
    expect(remedyOf(subject(), [trial(A), trial(B, TIMED_OUT)])).toContain(
      "`tcpdump -ni any host 192.168.0.3 and port 6443`",
    );
    // From the virtual address itself, nobody but this host could answer.
    const astray = [trial(A), { ...trial(B, TIMED_OUT), source: "10.103.97.2" }];
    expect(remedyOf(subject(), astray)).toContain("--mode link");
    // Where the daemon is in that mode, to say it again helps nobody.
    const inLinkMode = remedyOf(subject({ mode: "link", daemon: DAEMON }), astray);
    expect(inLinkMode).not.toContain("--mode link");
    expect(inLinkMode).toContain("`sysctl -w net.ipv4.vs.conntrack=1`");
    const direct = subject({ realServers: [server(A), server(B, { forwarding: "direct-route" })] });
    expect(remedyOf(direct, [trial(A), trial(B, TIMED_OUT)])).toContain("`ip addr add 10.103.97.2/32 dev lo`");
  });

  test("that a direct-route server answers only under the virtual address", () => {
    const direct = subject({ realServers: [server(A, { forwarding: "direct-route" })] });
    expect(judge([REFUSED], [trial(A)], direct)).toEqual([`${A} ok answers through the virtual server in 2ms`]);
    expect(judge([REFUSED], [trial(A, TIMED_OUT)], direct)).toEqual([
      `${A} problem through the virtual server 1 of 1 connections fail: connect timed out after 2s`,
    ]);
    expect(judge([REFUSED, REFUSED], [trial(B)], direct)).toEqual([
      `${A} unknown does not answer under its own address (connect refused), as a direct-route server need not, and no connection through led to it`,
    ]);
  });

  test("that do not get as far as IPVS, or are answered by something else", () => {
    const unreachable = { failure: "network unreachable", latencyMs: 0, source: undefined, reached: undefined };
    expect(judge([FINE, FINE], [unreachable])).toEqual([
      "virtual server problem connections through it do not get as far as IPVS: network unreachable",
      `${A} ok answers itself in 2ms`,
      `${B} ok answers itself in 2ms`,
    ]);
    const [first] = judge([FINE, FINE], [{ ...FINE, source: NODE, reached: undefined }]);
    expect(first).toContain("problem connections are accepted, but not by way of IPVS");
  });

  test("that the scheduler leads to one real server only", () => {
    const service = virtualServer(subject().service, "sh");
    expect(judge([FINE, FINE], [trial(A), trial(A)], subject({ service }))[1]).toBe(
      `${B} ok answers itself in 2ms; not tried through the virtual server: the scheduler sh goes by the client's address`,
    );
    expect(judge([FINE, FINE], [trial(A), trial(A)])[1]).toBe(
      `${B} unknown answers itself in 2ms; none of 2 connections through led to it`,
    );
  });

  test("where nobody is in service", () => {
    const realServers = [server(A, { weight: 0 }), server(B, { weight: undefined })];
    expect(judge([FINE, FINE], [], subject({ realServers }))).toEqual([
      "virtual server problem no real server is in service: clients are not served",
      `${A} note answers, but has weight 0 in the table, so clients do not get there`,
      `${B} ok answers itself in 2ms`,
    ]);
  });

  test("to what a daemon took out of service", () => {
    const realServers = [
      server(A),
      server(B, { weight: undefined, state: "removed", lastCheck: "status 404" }),
      server("192.168.0.4:6443", { weight: 0, state: "healthy", isDrained: true }),
      server("192.168.0.5:6443", { weight: 0, state: "healthy", isDrained: true, isDrainedByAgent: true }),
    ];
    const cared = subject({ daemon: DAEMON, realServers });
    expect(judge([FINE, FINE, FINE, FINE], [trial(A)], cared).slice(1)).toEqual([
      `${B} note takes connections, but is removed: status 404`,
      "192.168.0.4:6443 note answers, but an operator keeps clients away (drained)",
      "192.168.0.5:6443 note answers, but its agent keeps clients away",
    ]);
    expect(judge([FINE, REFUSED, FINE, FINE], [trial(A)], cared)[1]).toStartWith(`${B} problem does not answer`);
  });

  test("where nothing stands yet", () => {
    const planned = subject({ plane: undefined, realServers: [server(A, { weight: undefined })] });
    expect(judge([FINE], [], planned)).toEqual([
      "virtual server note it is not set up here yet, so no connection through it was tried",
      `${A} ok answers itself in 2ms`,
    ]);
    expect(judge([REFUSED], [], planned)[1]).toBe(`${A} problem does not answer: connect refused`);
  });

  test("by the figures of the userspace data plane", () => {
    const proxied = subject({ plane: "userspace", daemon: DAEMON });
    const growth = new Map([
      [A, 2],
      [B, 0],
    ]);
    const trials = [{ ...FINE, source: NODE, reached: undefined }];
    const seen = { ...readings([FINE, FINE], trials), growth };
    expect(told(judgeConnections(proxied, seen))).toEqual([
      `${A} ok answers, in 2ms, and gets connections`,
      `${B} unknown answers itself in 2ms; none of 1 connections through led to it`,
    ]);
    const [broken] = judge([FINE, FINE], [{ ...trials[0], ...REFUSED, source: NODE, reached: undefined }], proxied);
    expect(broken).toBe("virtual server problem the daemon's proxy cannot be connected to: connect refused");
  });

  test("to many real servers, of which only the first are tried", () => {
    const realServers = Array.from({ length: 40 }, (_, at) => server(`192.168.1.${at + 1}:80`));
    const direct = realServers.map(() => FINE);
    const findings = judge(direct, [trial("192.168.1.1:80")], subject({ realServers }));
    expect(findings).toHaveLength(33);
    expect(findings.at(-1)).toBe("virtual server unknown 8 more real servers were not tried");
    // Those in service come first.
    const idle = [...realServers.slice(0, 39).map((one) => ({ ...one, weight: 0 })), ...realServers.slice(39)];
    expect(triedServers(subject({ realServers: idle })).slice(0, 2)).toEqual([
      ...realServers.slice(39),
      ...idle.slice(0, 1),
    ]);
  });
});

describe("how connections are tried", () => {
  test("until each real server was reached, and no longer; all are closed at the end", async () => {
    const world = new World([A, B, B, A]);
    const { trials, direct } = await tryConnections(subject(), world.ports);
    expect(trials.map(({ reached }) => reached)).toEqual([A, B]);
    expect([...direct.keys()]).toEqual([A, B]);
    expect(world.open).toBe(0);
  });

  test("at most four times as many as there are real servers, and eight", async () => {
    const world = new World([A]);
    const { trials } = await tryConnections(subject(), world.ports);
    expect(trials.length).toBeGreaterThan(8);
    expect(trials.length).toBeLessThanOrEqual(16);
    expect(world.open).toBe(0);
  });

  test("in bounded time", async () => {
    const world = new World([A], 3000);
    const { trials } = await tryConnections(subject(), world.ports);
    expect(trials.length).toBeLessThanOrEqual(8);
  });

  test("twice only where the scheduler leads to one real server, or IPVS sees nothing", async () => {
    const service = virtualServer(subject().service, "sh");
    expect((await tryConnections(subject({ service }), new World([A]).ports)).trials).toHaveLength(2);
    expect((await tryConnections(subject(), new World([]).ports)).trials).toHaveLength(2);
  });

  test("not through what does not stand or has nobody in service", async () => {
    for (const changes of [{ plane: undefined }, { realServers: [server(A, { weight: 0 })] }]) {
      expect((await tryConnections(subject(changes), new World([A]).ports)).trials).toEqual([]);
    }
  });

  test("by the counts of the daemon on the userspace data plane", async () => {
    const world = new World([A, B]);
    const { growth } = await tryConnections(subject({ plane: "userspace", daemon: DAEMON }), world.ports);
    expect(growth).toEqual(
      new Map([
        [A, 1],
        [B, 1],
      ]),
    );
  });
});

describe("a TCP connection", () => {
  test("stands where somebody listens, and tells where it came from", async () => {
    const ended = Promise.withResolvers<string>();
    const peer = Promise.withResolvers<number>();
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => peer.resolve(socket.remotePort),
        data: () => ended.resolve("spoken to"),
        close: (_, error) => ended.resolve(error === undefined ? "closed in good order" : error.message),
      },
    });
    const made = await tcpConnect(parseEndpoint(`127.0.0.1:${listener.port}`), 5000);
    expect([made.failure, made.local]).toEqual([
      undefined,
      { family: "ipv4", address: "127.0.0.1", port: await peer.promise },
    ]);
    made.close();
    made.close();
    expect(await ended.promise).toBe("closed in good order");
  });

  test("tells why it does not", async () => {
    const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const { port } = free;
    free.stop(true);
    const made = await tcpConnect(parseEndpoint(`127.0.0.1:${port}`), 5000);
    expect(made).toMatchObject({ failure: "connect refused", local: { address: "127.0.0.1" } });
    made.close();
    // TCP has no broadcast: the kernel refuses at once.
    expect(await tcpConnect(parseEndpoint("255.255.255.255:80"), 5000)).toMatchObject({ failure: expect.any(String) });
  });
});

describe("what the kernel tells everybody", () => {
  const CONNECTIONS = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A000005 D431 0A676102 192B 0A000006 0050 FIN_WAIT         119
UDP 0A000005 D432 0A676102 192B 0A000006 0050 UDP              119
TCP fd00:0010:0000:0000:0000:0000:0000:0005 D433 fd00:0096:0000:0000:0000:0000:0000:0001 192B fd00:0010:0000:0000:0000:0000:0000:0006 0050 ESTABLISHED     899
`;

  test("which real server a connection got to", async () => {
    expect(CONNECTIONS.split("\n").map(parseConnection)).toEqual([
      undefined,
      { client: "10.0.0.5:54321", realServer: "10.0.0.6:80" },
      undefined,
      { client: "[fd00:10::5]:54323", realServer: "[fd00:10::6]:80" },
      undefined,
    ]);
    const path = `/tmp/ip_vs_conn-${crypto.randomUUID()}`;
    await Bun.write(path, CONNECTIONS);
    expect(await realServersOf(new Set(["[fd00:10::5]:54323", "10.0.0.5:1"]), path)).toEqual(
      new Map([["[fd00:10::5]:54323", "[fd00:10::6]:80"]]),
    );
    await Bun.file(path).delete();
    expect(realServersOf(new Set(), path)).rejects.toThrow("ENOENT");
  });

  test("the table", () => {
    const table = parseProcTable(`IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A676102:192B rr 
  -> 0A000007:0050      Masq    1      2          3         
  -> 0A000006:0050      Route   0      0          0         
FWM  00000001 rr 
  -> 0A000009:0050      Masq    1      0          0         
TCP  [fd00:0096:0000:0000:0000:0000:0000:0001]:192B wlc persistent 300000 FFFFFFFF
  -> [fd00:0010:0000:0000:0000:0000:0000:0006]:0050      Tunnel  5      0          0         
`);
    expect(
      table.map(({ service, realServers }) => [
        service.protocol,
        formatEndpoint(service.endpoint),
        service.scheduler,
        ...realServers.map(({ server: one }) => `${formatEndpoint(one.endpoint)} ${one.forwarding} ${one.weight}`),
      ]),
    ).toEqual([
      ["tcp", "10.103.97.2:6443", "rr", "10.0.0.6:80 direct-route 0", "10.0.0.7:80 masquerade 1"],
      ["tcp", "[fd00:96::1]:6443", "wlc", "[fd00:10::6]:80 tunnel 5"],
    ]);
    expect(table.map(({ service }) => pinning(service))).toEqual([undefined, "the virtual server is persistent"]);
  });
});

// --- internal ---

/** A world in which connections through the virtual server get to these real servers in turn, and never elsewhere once they run out. */
class World {
  open = 0;
  readonly #order: readonly string[];
  readonly #latencyMs: number;
  readonly #reached = new Map<string, string>();
  #nowMs = 0;
  #port = 40_000;

  constructor(order: readonly string[], latencyMs = 0) {
    this.#order = order;
    this.#latencyMs = latencyMs;
  }

  get ports(): ConnectionPorts {
    return {
      connect: (target) => Promise.resolve(this.#connect(target)),
      realServersOf: (clients) => {
        this.#nowMs += this.#latencyMs;
        return Promise.resolve(new Map([...this.#reached].filter(([client]) => clients.has(client))));
      },
      counts: () => Promise.resolve(new Map([A, B].map((one) => [one, this.#countOf(one)]))),
      now: () => this.#nowMs,
    };
  }

  #countOf(realServer: string): number {
    return [...this.#reached.values()].filter((one) => one === realServer).length;
  }

  #connect(target: Endpoint): TcpConnection {
    const local = parseEndpoint(`${NODE}:${this.#port++}`);
    if (formatEndpoint(target) === "10.103.97.2:6443") {
      const next = this.#order[this.#reached.size] ?? this.#order.at(-1);
      if (next !== undefined) this.#reached.set(formatEndpoint(local), next);
    }
    this.open += 1;
    return { local, failure: undefined, latencyMs: 1, close: () => void (this.open -= 1) };
  }
}

function trial(reached: string, attempt: Attempt = FINE): TrialConnection {
  return { ...attempt, source: NODE, reached };
}

/** With what came of connecting to each real server itself, in the order of the subject's. */
function readings(
  direct: readonly Attempt[],
  trials: readonly TrialConnection[],
  whose = subject(),
): ConnectionReadings {
  const addresses = whose.realServers.map(({ endpoint }) => formatEndpoint(endpoint));
  return { direct: new Map(direct.map((attempt, at) => [addresses[at] ?? "", attempt])), trials };
}

function judge(direct: readonly Attempt[], trials: readonly TrialConnection[], whose: Subject = subject()): string[] {
  return told(judgeConnections(whose, readings(direct, trials, whose)));
}

function told(findings: ReturnType<typeof judgeConnections>): string[] {
  return findings.map(({ realServer = "virtual server", state, message }) => `${realServer} ${state} ${message}`);
}

function remedyOf(whose: Subject, trials: readonly TrialConnection[]): string | undefined {
  return judgeConnections(whose, readings([FINE, FINE], trials, whose)).find(({ state }) => state === "problem")
    ?.remedy;
}
