import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestStatus } from "../../src/control/client.ts";
import { runtimeDirectory, socketPath } from "../../src/control/runtime-directory.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { LVSCARE } from "../cli/run-program.ts";

const runtime = mkdtempSync(join(tmpdir(), "lvscare-care-"));
const env = { ...process.env, XDG_RUNTIME_DIR: runtime };

/** Its own: one that has stopped gets its port back, which somebody might be given meanwhile at an address that others use. */
const REAL = "127.77.0.20";

const running: Bun.Subprocess[] = [];
const echoes: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    // Not by SIGKILL: its socket would stay behind.
    child.kill("SIGTERM");
    await child.exited;
  }
  await Promise.all(echoes.splice(0).map((echo) => echo.stop(true)));
});
process.on("exit", () => rmSync(runtime, { recursive: true, force: true }));

describe("lvscare care", () => {
  test("drains, removes and brings back one server, while clients are served", async () => {
    const [a, b] = [startEcho("a"), startEcho("b")];
    const daemon = startCare([a, b]);
    await daemon.until(({ realServers }) => realServers.every(({ weight }) => weight === 1));
    expect(await daemon.ask(4)).toEqual(["a", "b", "a", "b"]);

    await b.echo.stop(true);
    // It has weight 0 for no longer than it takes to check it again, which a status may miss; the log below has all of it.
    await daemon.until(({ realServers }) => realServers[1]?.state === "removed" && realServers[1].weight === undefined);
    expect(await daemon.ask(3)).toEqual(["a", "a", "a"]);

    startEcho("b", b.port);
    const back = await daemon.until(({ realServers }) => realServers[1]?.weight === 1);
    expect(back.realServers[1]?.lastTransition).toMatchObject({ from: "removed", to: "healthy", reason: "status 200" });
    expect(await daemon.end("SIGTERM")).toBe(0);
    // A host that has much else to do is told of, too.
    expect(daemon.log().filter((line) => !line.includes(" WARN this process was held up"))).toEqual([
      expect.stringMatching(/ INFO caring for tcp .* with 2 real servers dataPlane=userspace$/),
      expect.stringMatching(/ INFO new virtual server: 2 recovering$/),
      expect.stringMatching(/ INFO real server .* recovering → healthy: status 200$/),
      expect.stringMatching(/ INFO real server .* recovering → healthy: status 200$/),
      expect.stringMatching(/ INFO real server .* healthy → draining: connect refused$/),
      expect.stringMatching(/ INFO real server .* draining → removed: connect refused$/),
      expect.stringMatching(/ INFO real server .* removed → healthy: status 200$/),
      expect.stringMatching(/ INFO stopped, and with this process the userspace data plane$/),
    ]);
  });

  test("refuses to care for what another process cares for, and names it", async () => {
    const a = startEcho("a");
    const first = startCare([a]);
    await first.until(({ realServers }) => realServers[0]?.weight === 1);
    const second = startCare([a], first.address);
    expect(await second.child.exited).toBe(1);
    await second.ended;
    expect(second.log()).toEqual([
      `lvscare: pid ${first.child.pid} already cares for tcp ${first.address} (stop it first, or ask it with \`lvscare status\`)`,
    ]);
    expect(await first.end("SIGINT")).toBe(0);
  });

  test("has nothing to set up once where a daemon cares already", async () => {
    const a = startEcho("a");
    const first = startCare([a]);
    await first.until(({ realServers }) => realServers[0]?.weight === 1);
    const second = startCare([a], first.address, ["--run-once", "--data-plane=ipvs"]);
    expect(await second.child.exited).toBe(0);
    await second.ended;
    expect(second.log()).toEqual([
      expect.stringMatching(
        new RegExp(` WARN pid ${first.child.pid} already cares for tcp ${first.address}, so it is left to that `),
      ),
    ]);
  });

  test("has nothing to set up once without the kernel", async () => {
    const daemon = startCare([startEcho("a")], undefined, ["--run-once"]);
    expect(await daemon.child.exited).toBe(1);
    await daemon.ended;
    expect(daemon.log()).toEqual([
      "lvscare: --run-once: the userspace data plane ends with its process, so there is nothing to set up once",
    ]);
  });

  test("tells a failure as JSON when the log is JSON", async () => {
    const a = startEcho("a");
    const first = startCare([a]);
    await first.until(({ realServers }) => realServers[0]?.weight === 1);
    const second = startCare([a], first.address, ["--log-format=json"]);
    expect(await second.child.exited).toBe(1);
    await second.ended;
    expect(second.log().map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: "error", msg: expect.stringContaining(`pid ${first.child.pid} already cares`) }),
    ]);
  });

  test("says which flag and value it refuses, before it does anything", async () => {
    const daemon = startCare([startEcho("a")], undefined, ["--interval", "1.5"]);
    expect(await daemon.child.exited).toBe(1);
    await daemon.ended;
    expect(daemon.log()).toHaveLength(1);
    expect(daemon.log()[0]).toMatch(/^lvscare: --interval: "1\.5"/);
  });
});

// --- internal ---

interface Echo {
  readonly port: number;
  readonly echo: Bun.Server<undefined>;
}

function startEcho(name: string, port = 0): Echo {
  const echo = Bun.serve({ hostname: REAL, port, fetch: () => new Response(name) });
  echoes.push(echo);
  return { echo, port: echo.port ?? 0 };
}

function startCare(servers: readonly Echo[], address = freeAddress(), flags: readonly string[] = []) {
  const child = Bun.spawn(
    [
      ...LVSCARE,
      "care",
      "--vs",
      address,
      ...servers.flatMap(({ port }) => ["--rs", `${REAL}:${port}`]),
      "--data-plane=userspace",
      // Which server is whose turn is counted here.
      "--check-way=false",
      "--interval=100ms",
      "--health-schem=http",
      "--health-path=/",
      "--mode=",
      ...flags,
    ],
    { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  running.push(child);
  const log = collectLines(child.stderr);
  const socket = socketPath(runtimeDirectory(env, process.getuid?.() ?? 0), {
    protocol: "tcp",
    endpoint: parseEndpoint(address),
  });
  return {
    child,
    address,
    log: () => log.lines,
    ended: log.ended,
    /** Asks the daemon until the condition holds. */
    until: async (condition: (status: VirtualServerStatus) => boolean): Promise<VirtualServerStatus> => {
      const asked = async (): Promise<VirtualServerStatus | undefined> => {
        if (child.exitCode !== null) throw new Error(`the daemon ended early: ${log.lines.join("\n")}`);
        return requestStatus(socket).catch(() => undefined);
      };
      const status = await waitFor(asked, (now) => now !== undefined && condition(now));
      if (status === undefined) throw new Error("no status");
      return status;
    },
    ask: async (times: number): Promise<string[]> => {
      const answers: string[] = [];
      for (let count = 0; count < times; count++) {
        answers.push(await (await fetch(`http://${address}/`, { keepalive: false })).text());
      }
      return answers;
    },
    end: async (signal: NodeJS.Signals): Promise<number> => {
      child.kill(signal);
      const code = await child.exited;
      await log.ended;
      return code;
    },
  };
}

function freeAddress(): string {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return `127.77.0.2:${port}`;
}

function collectLines(stream: ReadableStream<Uint8Array>): { readonly lines: string[]; readonly ended: Promise<void> } {
  const lines: string[] = [];
  const read = async (): Promise<void> => {
    let rest = "";
    for await (const chunk of readText(stream)) {
      const parts = `${rest}${chunk}`.split("\n");
      rest = parts.pop() ?? "";
      // On a busy machine a daemon tells that it got no turn, too.
      lines.push(...parts.filter((line) => !line.includes("this process was held up for")));
    }
  };
  return { lines, ended: read() };
}

async function* readText(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) yield decoder.decode(chunk, { stream: true });
}
