import type { Subprocess } from "bun";
import { waitFor } from "./wait-for.ts";

export type Child = Subprocess<"pipe", "pipe", "pipe">;

/**
 * A network namespace with lo up and a /run/lvscare of its own, so that no daemon of another test is found there. It exists as long as
 * a process that waits in it, which ends with its stdin: even a test run that was killed leaves nothing behind.
 */
export class Namespace implements AsyncDisposable {
  readonly pid: number;
  readonly #holder: Child;
  readonly #children = new Set<Child>();

  static async create(): Promise<Namespace> {
    const holder = spawn([BUSYBOX, "unshare", "-n", "-m", BUSYBOX, "sh", "-c", SET_UP]);
    const { value } = await holder.stdout.getReader().read();
    if (value === undefined) throw new Error(`no namespace: ${await new Response(holder.stderr).text()}`);
    return new Namespace(holder);
  }

  private constructor(holder: Child) {
    this.#holder = holder;
    this.pid = holder.pid;
  }

  /** Starts a program; it is killed with the namespace if it still runs then. */
  spawn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const [program = "", ...rest] = argv;
    // With its full name, or busybox takes itself for it.
    const path = Bun.which(program) ?? program;
    const child = spawn([BUSYBOX, "nsenter", "-t", String(this.pid), "-n", "-m", "--", path, ...rest], env);
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }

  /** Runs a program to its end, whatever its exit code. */
  async run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = this.spawn(argv, env);
    void child.stdin.end();
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { exitCode, stdout, stderr };
  }

  /** Runs a program and returns what it printed; throws when it fails. */
  async exec(...argv: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(argv);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")}: exit code ${exitCode}\n${stderr || stdout}`);
    return stdout;
  }

  /** Gives this host an address: a virtual IP has to be local for clients that are. */
  async addAddress(address: string, device = "lo"): Promise<void> {
    // Without duplicate address detection an IPv6 address can be used at once.
    await this.exec("ip", "address", "add", address, "dev", device, ...(address.includes(":") ? ["nodad"] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const children = [...this.#children];
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    await this.#holder.stdin.end();
    await this.#holder.exited;
  }
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A cable between two namespaces; each end is called `name` and has its address, such as `10.0.0.1/24`, by which the other finds it when this returns. */
export async function connect(
  [here, hereAddress]: readonly [Namespace, string],
  [there, thereAddress]: readonly [Namespace, string],
  name = "cable",
): Promise<void> {
  await here.exec("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", String(there.pid));
  const ends = [
    [here, hereAddress],
    [there, thereAddress],
  ] as const;
  for (const [namespace, address] of ends) {
    await namespace.addAddress(address, name);
    await namespace.exec("ip", "link", "set", name, "up");
  }
  for (const [namespace, address] of ends) {
    if (address.includes(":")) await waitFor(() => namespace.exec("ip", "address", "show", name), speaksIpv6);
  }
}

/**
 * Of the texts of `ip address` and `ip route show table all`: each IPv6 address is known to be nobody else's, and has its own route, which comes a
 * moment after that.
 */
export function hasItsAddresses(text: string): boolean {
  const addresses = [...text.matchAll(/inet6 (\S+)\/\d+/g)];
  return !text.includes("tentative") && addresses.every(([, address]) => text.includes(`local ${address} `));
}

// --- internal ---

/** Linked statically, it starts in half the time of the programs that it stands for. */
const BUSYBOX = "/bin/busybox";

/**
 * Of the text of `ip address`: the link has its own address. The kernel makes it once the link is ready, up to a second after it is up, and answers nobody's
 * neighbour solicitation before: a first connection would be a second late.
 */
function speaksIpv6(text: string): boolean {
  return text.includes(" fe80:");
}

/**
 * Connections that nobody ends keep a namespace alive for minutes after its last process; the virtual servers go at once, so that
 * the modules of IPVS can be taken away.
 */
const SET_UP =
  "ip link set lo up && mkdir -p /run/lvscare && mount -t tmpfs -o mode=700 none /run/lvscare && echo && cat; " +
  "[ ! -e /proc/net/ip_vs ] || ipvsadm -C";

function spawn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const { PATH = "", HOME = "/root" } = process.env;
  return Bun.spawn([...argv], { stdin: "pipe", stdout: "pipe", stderr: "pipe", env: { PATH, HOME, ...env } });
}
