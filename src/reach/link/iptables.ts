import { readFileSync } from "node:fs";
import type { Family } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import { argumentsOf, NatTable, restoreText, type NatChange } from "./nat-table.ts";
import { runProgram, type ProgramEnd, type RunProgram } from "./run-program.ts";

/** What somebody wants changed in a table that looks so; nothing, where it is as it should be. */
export type NatWish = (table: NatTable) => readonly NatChange[];

/** So that two connections do not choose one port at the same moment. */
export const RANDOM_PORTS = "--random-fully";

/**
 * Iptables' nat table of one family, for all virtual servers of a process. Each look and each change starts programs, so they are
 * shared: one listing serves all who look within half a second, and what is asked for while others are served is listed and changed
 * together, all of it or nothing.
 *
 * Iptables knows no "unless it is there", so nobody else here changes anything meanwhile. Where another process does, the change
 * is refused as a whole and made again by a new listing.
 */
export class Iptables {
  readonly #programs: readonly string[];
  readonly #family: Family;
  readonly #now: (() => number) | undefined;
  readonly #run: RunProgram;
  /** The one of the programs that this host has, once it ran. */
  #program: string | undefined;
  #seen: { readonly sinceMs: number; readonly listing: Promise<NatTable | undefined> } | undefined;
  #waiting: Asked[] = [];
  #isAtWork = false;

  /** Without a clock, no listing serves a second look. */
  constructor(family: Family, now?: () => number, run: RunProgram = runProgram) {
    this.#family = family;
    this.#programs = family === "ipv6" ? IP6TABLES : IPTABLES;
    this.#now = now;
    this.#run = run;
  }

  /** Asking for a table that is not there yet would load it. Of the kernel's iptables. */
  get hasTable(): boolean {
    try {
      return readFileSync(TABLE_NAMES[this.#family], "utf8").split("\n").includes("nat");
    } catch {
      return false;
    }
  }

  /** The table, read half a second ago at most; undefined where it cannot be read, or there is no iptables. */
  look(): Promise<NatTable | undefined> {
    const nowMs = this.#now?.();
    if (nowMs === undefined) return this.#list();
    if (this.#seen === undefined || nowMs - this.#seen.sinceMs > KEPT_MS)
      this.#seen = { sinceMs: nowMs, listing: this.#list() };
    return this.#seen.listing;
  }

  /** Whether there was anything to change. Rejects with KERNEL_REFUSED. */
  change(wish: NatWish): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#waiting.push({ wish, resolve, reject });
    if (!this.#isAtWork) void this.#work();
    return promise;
  }

  // --- internal ---

  async #work(): Promise<void> {
    this.#isAtWork = true;
    while (this.#waiting.length > 0) {
      // Not at once: who asks in the same turn is served together.
      await new Promise(setImmediate);
      const asked = this.#waiting;
      this.#waiting = [];
      if (!(await this.#serve(asked))) for (const one of asked) await this.#serveAlone(one);
    }
    this.#isAtWork = false;
  }

  /** False where it was refused, and nothing was changed. */
  async #serve(asked: readonly Asked[]): Promise<boolean> {
    try {
      const listed = await this.#list();
      if (listed === undefined) return false;
      let table = listed;
      const served = asked.map((one) => {
        const changes = one.wish(table);
        table = table.with(changes);
        return { one, changes };
      });
      const all = served.flatMap(({ changes }) => changes);
      if (all.length > 0 && !(await this.#restore(all))) return false;
      this.#seen = undefined;
      for (const { one, changes } of served) one.resolve(changes.length > 0);
      return true;
    } catch {
      // Each is told what kept it from its own.
      return false;
    }
  }

  /** Step by step: an old iptables may lack what the common way takes, and each refusal has a reason of its own. */
  async #serveAlone({ wish, resolve, reject }: Asked): Promise<void> {
    try {
      const listing = await this.#call(["-S"]);
      const isListed = listing?.exitCode === 0;
      const changes = wish(NatTable.read(isListed ? listing.stdout : ""));
      // What is added to a table that nobody could see may be in it twice.
      if (!isListed && changes.length > 0) throw this.#refused(["-S"], listing);
      try {
        for (const change of changes) await this.#make(change);
      } finally {
        this.#seen = undefined;
      }
      resolve(changes.length > 0);
    } catch (error) {
      reject(error);
    }
  }

  async #make(change: NatChange): Promise<void> {
    const ended = await this.#call(argumentsOf(change));
    if (ended?.exitCode === 0) return;
    // Another process was quicker, or has need of it; where neither is so, the next step is refused.
    if (ended !== undefined && (change.verb === "-N" || change.verb === "-X")) return;
    // Before 1.6.2 it knows no such option: better some of the time than not at all.
    if (change.verb === "-A" && change.spec.includes(RANDOM_PORTS))
      return this.#make({ ...change, spec: change.spec.filter((word) => word !== RANDOM_PORTS) });
    throw this.#refused(argumentsOf(change), ended);
  }

  #refused(argv: readonly string[], ended: ProgramEnd | undefined): LvscareError {
    if (ended === undefined) return missing(this.#programs);
    const said = ended.stderr.trim().split("\n")[0] ?? "";
    return new LvscareError("KERNEL_REFUSED", said || `exit code ${ended.exitCode}`, {
      operation: `iptables -t nat ${argv.join(" ")}`,
      remedy: "load nf_tables, which needs no iptables, or see to it that iptables works",
    });
  }

  async #list(): Promise<NatTable | undefined> {
    const ended = await this.#call(["-S"]);
    return ended?.exitCode === 0 ? NatTable.read(ended.stdout) : undefined;
  }

  /** False where nothing came of it. */
  async #restore(changes: readonly NatChange[]): Promise<boolean> {
    const argv = [`${this.#program}-restore`, "--noflush", "-w", String(LOCK_S)];
    return (await this.#run(argv, restoreText(changes)))?.exitCode === 0;
  }

  async #call(argv: readonly string[]): Promise<ProgramEnd | undefined> {
    for (const program of this.#program === undefined ? this.#programs : [this.#program]) {
      const ended = await this.#run([program, "-w", String(LOCK_S), "-t", "nat", ...argv]);
      if (ended === undefined) continue;
      this.#program = program;
      return ended;
    }
    return undefined;
  }
}

/** Of both families. */
export class FirewallTables {
  readonly #tables: Readonly<Record<Family, Iptables>>;

  constructor(now?: () => number) {
    this.#tables = { ipv4: new Iptables("ipv4", now), ipv6: new Iptables("ipv6", now) };
  }

  of(family: Family): Iptables {
    return this.#tables[family];
  }
}

// --- internal ---

interface Asked {
  readonly wish: NatWish;
  readonly resolve: (isChanged: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** The kernel's own first: where there is no nftables, the iptables that is made of it does not work either. */
const IPTABLES = ["iptables-legacy", "iptables"];
const IP6TABLES = ["ip6tables-legacy", "ip6tables"];

const TABLE_NAMES = { ipv4: "/proc/net/ip_tables_names", ipv6: "/proc/net/ip6_tables_names" } as const;

/** For iptables to get its lock, which another process may have. */
const LOCK_S = 5;

/** Less than the shortest interval: whoever looks once an interval is never told twice what was read once. */
const KEPT_MS = 500;

function missing(programs: readonly string[]): LvscareError {
  return new LvscareError("KERNEL_REFUSED", `this kernel has no nftables, and this host has no ${programs.at(-1)}`, {
    operation: "set up masquerading",
    remedy: "modprobe nf_tables, or install iptables",
  });
}
