import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../kernel/support/wait-for.ts";

/**
 * Starts this `lvscare` as a daemon in front of two real servers on loopback, waits until a client has reached both through it, and ends
 * it by SIGTERM. Returns its exit code and its log.
 */
export async function serveOnce(
  lvscare: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly exitCode: number; readonly log: string }> {
  await using stack = new AsyncDisposableStack();
  const runtime = await mkdtemp(join(tmpdir(), "lvscare-serve-"));
  stack.defer(() => rm(runtime, { recursive: true, force: true }));
  const realServers = ["a", "b"].flatMap((name) => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(name) });
    stack.defer(() => server.stop(true));
    return ["--rs", `127.0.0.1:${server.port}`];
  });
  // For as long as this lasts nobody else is given that port, though the daemon takes it at another address.
  const reservation = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  stack.defer(() => reservation.stop(true));
  const address = `127.77.0.7:${reservation.port}`;
  const checks = "--data-plane userspace --interval 100ms --health-schem http --health-path / --mode none";
  const care = stack.use(
    Bun.spawn([...APART, ...lvscare, "care", "--vs", address, ...realServers, ...checks.split(" ")], {
      ...options,
      env: { PATH: process.env["PATH"] ?? "", ...options.env, XDG_RUNTIME_DIR: runtime },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    }),
  );
  const answers = new Set<string>();
  const bothOrEnded = (): boolean => (answers.has("a") && answers.has("b")) || care.exitCode !== null;
  // One that is emulated takes its time, and so does a host that does much else.
  await waitFor(async () => answers.add(await ask(address)), bothOrEnded, { timeoutMs: 120_000 });
  care.kill("SIGTERM");
  return { exitCode: await care.exited, log: await new Response(care.stderr).text() };
}

// --- internal ---

/**
 * Root's daemons have their sockets in one folder, whatever the environment says: this one has another in its place, so that it is none of
 * those that other tests find.
 */
const APART: readonly string[] =
  process.getuid?.() === 0
    ? [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mkdir -p /run/lvscare && mount -t tmpfs tmpfs /run/lvscare && exec "$@"',
        "sh",
      ]
    : [];

/** The answer, or why there is none. */
function ask(address: string): Promise<string> {
  return fetch(`http://${address}/`, { keepalive: false }).then(
    (response) => response.text(),
    (error: Error) => error.message,
  );
}
