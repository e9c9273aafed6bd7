import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestStatus } from "../../src/control/client.ts";
import { runtimeDirectory, socketPath } from "../../src/control/runtime-directory.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LVSCARE } from "../cli/run-program.ts";
import { connectTo, type Peer } from "../dataplane/userspace/tcp-peers.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { untilAtRest } from "../support/processor-time.ts";

const VS = "127.77.9.18:18080";
const WEB = "127.77.9.18:18081";
const REAL = "127.77.9.19:18080";

/** Three times as many as the limit of open files below. */
const STRANGERS = 400;

test.each([
  ["the proxy", VS],
  ["the page", WEB],
])(
  "clients of %s who only hold their connections keep the daemon from nothing",
  async (_what, target) => {
    await installMissingPackages([{ name: "util-linux", file: "/usr/bin/prlimit" }]);
    const folder = await mkdtemp(join(tmpdir(), "lvscare-strangers-"));
    const environment = { ...process.env, XDG_RUNTIME_DIR: folder };
    const flags = `--vs ${VS} --rs ${REAL} --data-plane userspace --mode none --health-schem http --interval 500ms --http-listen ${WEB}`;
    const argv = ["prlimit", "--nofile=128:128", ...LVSCARE, "care", ...flags.split(" ")];
    const care = Bun.spawn(argv, { env: environment, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    const key = { protocol: "tcp", endpoint: parseEndpoint(VS) } as const;
    const control = socketPath(runtimeDirectory(environment, process.getuid?.() ?? 0), key);
    const untilIn = (state: string) =>
      waitFor(
        () =>
          requestStatus(control).then(
            ({ realServers }) => realServers[0]?.state,
            () => "no status",
          ),
        (now) => now === state,
      );
    let server = serveOk();
    const strangers: Peer[] = [];
    try {
      await untilIn("healthy");
      await waitFor(
        () =>
          connectTo(parseEndpoint(WEB)).then(
            (peer) => peer.socket.terminate(),
            () => "refused",
          ),
        (found) => found !== "refused",
      );
      for (let count = 0; count < STRANGERS; count++) {
        // One that had to make room at once is gone before it was there.
        const stranger = await connectTo(parseEndpoint(target)).catch(() => undefined);
        if (stranger !== undefined) strangers.push(stranger);
      }
      await server.stop(true);
      await untilIn("removed");
      server = serveOk();
      await untilIn("healthy");
      await untilAtRest(care.pid);
      // Others get their answers from the page all the same.
      expect(await (await fetch(`http://${WEB}/healthz`)).text()).toBe("ok\n");
    } finally {
      for (const { socket } of strangers) socket.terminate();
      care.kill();
      await Promise.all([care.exited, server.stop(true)]);
      await rm(folder, { recursive: true });
    }
  },
  120_000,
);

// --- internal ---

function serveOk() {
  const { address: hostname, port } = parseEndpoint(REAL);
  return Bun.serve({ hostname, port, fetch: () => new Response("ok") });
}
