import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeFd, openTcpSocket } from "#native";
import { errno, libc } from "../../native/libc.ts";
import { requestStatus } from "../../src/control/client.ts";
import { runtimeDirectory, socketPath } from "../../src/control/runtime-directory.ts";
import { addressBytes, formatEndpoint, parseEndpoint, type Endpoint } from "../../src/domain/endpoint.ts";
import { LVSCARE } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";

const VS = "127.77.9.20:18080";
const SILENT = parseEndpoint("127.77.9.21:18080");
const ALIVE = parseEndpoint("127.77.9.22:18080");
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("a real server whose new connections get no answer is found by the first client that waits for it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-silent-"));
  const environment = { ...process.env, XDG_RUNTIME_DIR: folder };
  using silent = quietable(SILENT);
  using _ = quietable(ALIVE);
  const servers = [SILENT, ALIVE].map(formatEndpoint).join(",");
  // No check comes by itself within this test, and the kept connection goes on answering.
  const flags = `--vs ${VS} --rs ${servers} --data-plane userspace --mode none --health-schem http --interval 1h --interval-down 1h`;
  const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], {
    env: environment,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const key = { protocol: "tcp", endpoint: parseEndpoint(VS) } as const;
  const control = socketPath(runtimeDirectory(environment, process.getuid?.() ?? 0), key);
  const states = (): Promise<readonly string[]> =>
    requestStatus(control).then(
      ({ realServers }) => realServers.map(({ state }) => state),
      () => [],
    );
  try {
    await waitFor(states, (now) => now.join() === "healthy,healthy");
    silent.fallSilent();
    for (let client = 0; client < 2; client++)
      expect(await (await fetch(`http://${VS}/`, { keepalive: false })).text()).toBe("ok");
    const found = await waitFor(states, ([first = "untold"]) => first !== "healthy" && first !== "untold");
    expect(found).toEqual([expect.stringMatching(/draining|removed/), "healthy"]);
  } finally {
    care.kill();
    await care.exited;
    await rm(folder, { recursive: true });
  }
}, 120_000);

// --- internal ---

/** A server that can stop answering new connections, while those that it has go on. */
function quietable(endpoint: Endpoint): Disposable & { fallSilent(): void } {
  const fd = libc().socket(2, 1 | 0o4000, 0);
  // SO_REUSEADDR: what is left of an earlier run does not matter.
  libc().setsockopt(fd, 1, 2, new Int32Array(new ArrayBuffer(4)).fill(1), 4);
  const name = new Uint8Array(new ArrayBuffer(16));
  name.set([2, 0, endpoint.port >> 8, endpoint.port & 0xff, ...addressBytes(endpoint.address)]);
  if (libc().bind(fd, name, name.length) < 0) throw new Error(`bind: errno ${errno()}`);
  const listen = Bun.listen as unknown as (options: Bun.FdSocketOptions) => { stop(force?: boolean): void };
  const listener = listen({ fd: libc().fcntl(fd, 0, 0), socket: { data: (socket) => void socket.write(OK) } });
  const fds = [fd];
  return {
    fallSilent() {
      listener.stop();
      // No room for those who are not accepted: once there is one, SYNs are dropped.
      expect(libc().listen(fd, 0)).toBe(0);
      fds.push(openTcpSocket(endpoint), openTcpSocket(endpoint));
    },
    [Symbol.dispose]() {
      listener.stop(true);
      fds.forEach(closeFd);
    },
  };
}
