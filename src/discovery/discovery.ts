import type { DiscoverOptions, VirtualServerOptions } from "../config/care-options.ts";
import { describeSource } from "../config/discover-options.ts";
import type { DiscoveryEvent } from "../domain/discovery-event.ts";
import type { ClusterDrains } from "../domain/cluster-drain.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import type { DiscoveryStatus, MemberReport } from "../domain/members.ts";
import type { Clock } from "../probe/clock.ts";
import { recalled, withMembers } from "./listing.ts";
import { reportOf, type Standing } from "./node-standing.ts";
import type { MemberMemory } from "./memory.ts";
import { discoveryStatus, memberReports } from "./member-report.ts";
import { dropFailing, takeAnswer, takeDrains, UNKNOWN, type Membership, type Rules, type Step } from "./membership.ts";
import type { Answer, NodeCount, Source } from "./source.ts";

export interface DiscoveryPorts {
  readonly clock: Clock;
  /** Converts from the clock to the time of day as it is now. */
  readonly timeOfDay: (ms: number) => Date;
  readonly source: Source;
  readonly memory: Pick<MemberMemory, "read" | "write">;
  /** Why this cannot be a real server here, after its address; undefined where it can. */
  readonly unfit: (endpoint: Endpoint) => string | undefined;
}

/** The virtual server whose members they are, once it is cared for. */
export interface DiscoveryUser {
  /** The real servers whose checks pass. */
  passing(): ReadonlySet<string>;
  /** The list may be another one. */
  changed(): void;
  /** How all of them stand; undefined as long as that is not known. */
  standing(): Promise<Standing | undefined>;
  /** Absent where it means nothing how many nodes there are. */
  readonly nodes?: NodeCount;
  emit(event: DiscoveryEvent): void;
}

/**
 * Who the members of one virtual server are: what its source tells, as far as that is believed, and what is remembered
 * of it. Before it starts it knows what can be known without waiting.
 */
export class Discovery implements Disposable {
  readonly #options: DiscoverOptions;
  readonly #name: string;
  readonly #ports: DiscoveryPorts;
  #membership: Membership = UNKNOWN;
  #user: DiscoveryUser | undefined;
  /** What happened before there was anybody to tell. */
  #news: DiscoveryEvent[] = [];
  #isClosed = false;
  /** As the configuration has it. */
  #written: VirtualServerOptions | undefined;

  /** Whose checks passed when last looked at. */
  #passing: ReadonlySet<string> = new Set();
  #waiting: readonly Answer[] = [];
  #debounce: unknown;
  #confirm: unknown;
  #patience: unknown;
  #toldAtMs: number | undefined;
  #failing: { readonly sinceMs: number; readonly reason: string } | undefined;
  /** Since when nobody of the list serves. */
  #deadSinceMs: number | undefined;
  #recallingSinceMs: number | undefined;
  /** What is known was told by another source: this one need not confirm it. */
  #isOfAnother: boolean;

  /** `before`: that of an earlier configuration. What it knows counts until this one is told. */
  constructor(options: DiscoverOptions, ports: DiscoveryPorts, before?: Discovery) {
    this.#options = options;
    this.#name = describeSource(options.source);
    this.#ports = ports;
    this.#isOfAnother = before !== undefined && before.#name !== this.#name;
    this.#membership = before === undefined ? this.#remembered() : inherited(before.#membership, this.#isOfAnother);
    const answer = ports.source.peek();
    if (answer !== undefined && "listed" in answer) this.#take(answer.listed);
  }

  /** Whether another configuration needs no other discovery. */
  serves(options: DiscoverOptions | undefined): boolean {
    return options !== undefined && Bun.deepEquals(this.#options, options);
  }

  /** The options of its virtual server, with the real servers that count now. */
  complete(written: VirtualServerOptions): VirtualServerOptions {
    return withMembers(written, this.#membership, this.#recallingSinceMs !== undefined);
  }

  /** Begins to watch its source, for a virtual server that the configuration has like this; or goes on with another. */
  serve(written: VirtualServerOptions, user: DiscoveryUser): void {
    this.#written = written;
    if (this.#isClosed || this.#user !== undefined) return;
    this.#user = user;
    for (const event of this.#news.splice(0)) user.emit(event);
    this.#ports.source.start({
      hear: (answer) => this.#hear(answer),
      servers: () => this.#servers(),
      isRemembered: this.#membership.isRemembered,
      cluster: {
        hearDrains: (drains) => this.#hearDrains(drains),
        ...(user.nodes && { nodes: user.nodes }),
        report: async (way) =>
          reportOf(await user.standing(), {
            at: this.#iso(this.#now()),
            source: this.#options.source,
            drains: this.#membership.drains,
            way,
          }),
      },
    });
    this.healthChanged();
  }

  /** Checks of a real server have come to another result. */
  healthChanged(): void {
    if (this.#user === undefined) return;
    const [before, now] = [this.#passing, new Set(this.#user.passing())];
    this.#passing = now;
    if (now.size > 0 && [...before].some((name) => !now.has(name))) this.#ports.source.doubt?.();
    this.#carryOut(dropFailing(this.#membership, this.#rules(), this.#now()));
    this.#judgeLife();
  }

  status(): DiscoveryStatus {
    return discoveryStatus(this.#view(), this.#iso);
  }

  members(): readonly MemberReport[] {
    return memberReports(this.#view(), this.#written?.realServers ?? [], this.#iso);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    const { clock, source } = this.#ports;
    for (const timer of [this.#debounce, this.#confirm, this.#patience]) clock.clearTimeout(timer);
    source[Symbol.dispose]();
  }

  // --- internal ---

  readonly #now = (): number => this.#ports.clock.now();
  readonly #iso = (ms: number): string => this.#ports.timeOfDay(ms).toISOString();

  #view(): Parameters<typeof discoveryStatus>[0] {
    return {
      source: this.#name,
      policy: this.#options.policy,
      way: this.#ports.source.way,
      rights: this.#ports.source.rights,
      membership: this.#membership,
      toldAtMs: this.#toldAtMs,
      failing: this.#failing,
      recallingSinceMs: this.#recallingSinceMs,
    };
  }

  /** The virtual server itself, if somebody serves there; then each that is known, those first who serve. */
  #servers(): readonly Endpoint[] {
    const { service, realServers = [] } = this.#written ?? {};
    const { members, attic } = this.#membership;
    const passing = this.#user?.passing() ?? new Set();
    const all = new Map(
      [...(members?.values() ?? []), ...realServers, ...attic.values()].map(({ endpoint }) => [
        formatEndpoint(endpoint),
        endpoint,
      ]),
    );
    const [well, others] = [
      [...all].filter(([name]) => passing.has(name)),
      [...all].filter(([name]) => !passing.has(name)),
    ];
    const own = service === undefined || well.length === 0 ? [] : [service.endpoint];
    return [...own, ...[...well, ...others].map(([, endpoint]) => endpoint)];
  }

  #rules(): Rules {
    const passing = this.#user?.passing() ?? new Set();
    const { removeAtMost, confirmMs } = this.#options;
    const { unfit } = this.#ports;
    const mayVanish = this.#isOfAnother ? 100 : removeAtMost;
    return { source: this.#name, removeAtMost: mayVanish, confirmMs, unfit, isPassing: (name) => passing.has(name) };
  }

  #remembered(): Membership {
    try {
      return this.#ports.memory.read(this.#now());
    } catch (error) {
      if (!(error instanceof LvscareError)) throw error;
      this.#tell({ type: "members.unkept", reason: `nothing is remembered of members: ${describeError(error)}` });
      return UNKNOWN;
    }
  }

  #hearDrains(drains: ClusterDrains): void {
    if (this.#isClosed) return;
    const { membership, news } = takeDrains(this.#membership, drains, this.#name);
    if (membership === this.#membership) return;
    this.#membership = membership;
    for (const event of news) this.#tell(event);
    this.#keep();
    this.#user?.changed();
  }

  /** Answers are gathered, and the last one counts. */
  #hear(answer: Answer): void {
    if (this.#isClosed) return;
    if ("problem" in answer) return this.#miss(answer.problem);
    if (this.#failing !== undefined) this.#tell({ type: "members.found", source: this.#name });
    this.#failing = undefined;
    this.#waiting = [answer];
    const { debounceMs } = this.#options;
    // Nothing is known that could change too often.
    if (this.#toldAtMs === undefined || debounceMs === 0) return this.#takeWaiting();
    this.#debounce ??= this.#ports.clock.setTimeout(() => this.#takeWaiting(), debounceMs);
  }

  #takeWaiting(): void {
    this.#ports.clock.clearTimeout(this.#debounce);
    this.#debounce = undefined;
    for (const answer of this.#waiting) if ("listed" in answer) this.#take(answer.listed);
    this.#waiting = [];
  }

  #take(listed: Extract<Answer, { listed: unknown }>["listed"]): void {
    this.#toldAtMs = this.#now();
    this.#carryOut(takeAnswer(this.#membership, listed, this.#rules(), this.#toldAtMs));
    this.#isOfAnother = false;
    const { doubt } = this.#membership;
    const { clock, source } = this.#ports;
    clock.clearTimeout(this.#confirm);
    if (doubt === undefined) return;
    const leftMs = doubt.sinceMs + this.#options.confirmMs - this.#now();
    this.#confirm = clock.setTimeout(() => source.again(), Math.max(1, leftMs + 1));
  }

  #miss(reason: string): void {
    if (this.#failing?.reason === reason) return;
    this.#failing = { sinceMs: this.#failing?.sinceMs ?? this.#now(), reason };
    this.#tell({ type: "members.missed", source: this.#name, reason });
  }

  #carryOut({ membership, news }: Step): void {
    const before = this.#membership;
    this.#membership = membership;
    for (const event of news) this.#tell(event);
    if (membership.members === before.members) return;
    this.#keep();
    this.#user?.changed();
    this.#judgeLife();
  }

  #keep(): void {
    try {
      this.#ports.memory.write(this.#membership, this.#now());
    } catch (error) {
      if (!(error instanceof LvscareError)) throw error;
      this.#tell({
        type: "members.unkept",
        reason: `members will not be known after a restart while ${this.#name} cannot be read: ${describeError(error)}`,
      });
    }
  }

  /** When nobody of the list has served for a while, whoever else is known is tried as well, until somebody does. */
  #judgeLife(): void {
    const { members } = this.#membership;
    const user = this.#user;
    if (user === undefined || members === undefined || this.#written === undefined) return;
    const passing = user.passing();
    if ([...members.keys()].some((name) => passing.has(name))) {
      this.#deadSinceMs = undefined;
      this.#ports.clock.clearTimeout(this.#patience);
      this.#patience = undefined;
      if (this.#recallingSinceMs === undefined) return;
      this.#recallingSinceMs = undefined;
      this.#tell({ type: "members.dismissed", source: this.#name });
      return user.changed();
    }
    if (this.#recallingSinceMs !== undefined) return;
    const nowMs = this.#now();
    this.#deadSinceMs ??= nowMs;
    const leftMs = this.#deadSinceMs + PATIENCE_MS - nowMs;
    if (leftMs > 0) {
      this.#patience ??= this.#ports.clock.setTimeout(() => {
        this.#patience = undefined;
        this.#judgeLife();
      }, leftMs);
      return;
    }
    const { realServers: written, discover } = this.#written;
    const servers = recalled({ written, policy: discover?.policy ?? "only", membership: this.#membership });
    if (servers.length === 0) return;
    this.#recallingSinceMs = nowMs;
    this.#tell({ type: "members.recalled", source: this.#name, servers });
    user.changed();
  }

  #tell(event: DiscoveryEvent): void {
    if (this.#user === undefined) this.#news.push(event);
    else this.#user.emit(event);
  }
}

// --- internal ---

/** For so long nobody of the list may serve before others are tried. */
const PATIENCE_MS = 60_000;

function inherited(membership: Membership, isOfAnother: boolean): Membership {
  const { members, attic } = membership;
  return isOfAnother ? { ...UNKNOWN, members, isRemembered: members !== undefined, attic } : membership;
}
