import { randomInt } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import { installMissingPackages, type HostPackage } from "../../kernel/harness/packages.ts";

/** What the tests of checks ask, besides what they wrote themselves. */
export const SERVER_PACKAGES: readonly HostPackage[] = [
  { name: "redis-server", file: "/usr/bin/redis-server" },
  { name: "nginx-light", file: "/usr/sbin/nginx" },
  { name: "openssh-server", file: "/usr/sbin/sshd" },
  { name: "haproxy", file: "/usr/sbin/haproxy" },
  { name: "dnsmasq-base", file: "/usr/sbin/dnsmasq" },
  { name: "openssl", file: "/usr/bin/openssl" },
  { name: "postgresql-15", file: "/usr/lib/postgresql/15/bin/postgres" },
  { name: "exim4-daemon-light", file: "/usr/sbin/exim4" },
  { name: "etcd-server", file: "/usr/bin/etcd" },
];

export async function installServers(): Promise<void> {
  await installMissingPackages(SERVER_PACKAGES);
}

export interface Program extends AsyncDisposable {
  readonly endpoint: Endpoint;
}

/** A folder of this test's own. */
export interface Folder extends Disposable {
  readonly path: string;
  /** Writes a file that only its owner may read, and returns its path. */
  write(name: string, text: string): string;
}

export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "lvscare-programs-"));
  chmodSync(path, 0o755);
  return {
    path,
    write: (name, text) => {
      writeFileSync(join(path, name), text, { mode: 0o600 });
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Starts a server on a free port of this host, and waits until it accepts connections. */
export async function startProgram(argv: (port: number) => readonly string[]): Promise<Program> {
  const port = freePort();
  const child = Bun.spawn([...argv(port)], { stdin: "pipe", stdout: "ignore", stderr: "pipe" });
  const program: Program = {
    endpoint: { family: "ipv4", address: "127.0.0.1", port },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${argv(port).join(" ")}: ${await new Response(child.stderr).text()}`);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return program;
}

// --- internal ---

/** Below `ip_local_port_range` of any kernel as it comes, and above the ports that tests name. */
const [FIRST_PORT, LAST_PORT] = [20_000, 32_000];

/** None of those that the kernel gives to whoever asks for any: the program takes its port some time later. */
function freePort(): number {
  const port = randomInt(FIRST_PORT, LAST_PORT + 1);
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
    return port;
  } catch {
    return freePort();
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    // Not yet.
    return false;
  }
}
