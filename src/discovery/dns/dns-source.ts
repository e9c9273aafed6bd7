import type { DnsSourceOptions } from "../../config/discover-options.ts";
import { formatEndpoint, type Family } from "../../domain/endpoint.ts";
import type { Clock } from "../../probe/clock.ts";
import { Interruption } from "../interruption.ts";
import type { Proposed, Source, SourceUser } from "../source.ts";
import { resolveName } from "./names.ts";
import type { Resolver } from "./resolver.ts";

export interface DnsPorts {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly family: Family;
}

/**
 * Members as a name resolves to them, asked for again when that is no longer true. Answers may be partial: who is missing
 * in one stays for a while.
 */
export class DnsSource implements Source {
  readonly #options: DnsSourceOptions;
  readonly #ports: DnsPorts;
  readonly #interruption: Interruption;
  readonly #seen = new Map<string, Seen>();
  #isClosed = false;

  constructor(options: DnsSourceOptions, ports: DnsPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#interruption = new Interruption(ports.clock);
  }

  /** It has to be asked. */
  peek(): undefined {
    return undefined;
  }

  start(user: SourceUser): void {
    void this.#run(user);
  }

  again(): void {
    this.#interruption.now();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#interruption.now();
  }

  // --- internal ---

  async #run(user: SourceUser): Promise<void> {
    const { resolver, random, family } = this.#ports;
    const { name, port, minTtlMs, maxTtlMs } = this.#options;
    while (!this.#isClosed) {
      const found = await resolveName(resolver, name, port, family);
      if (this.#isClosed) return;
      if ("problem" in found) user.hear({ problem: found.problem });
      else user.hear({ listed: this.#gathered(found.members) });
      const ttlMs = "problem" in found ? minTtlMs : found.ttlS * 1000;
      const waitMs = Math.min(maxTtlMs, Math.max(minTtlMs, ttlMs)) * (1 + SPREAD * (2 * random() - 1));
      await this.#interruption.wait(Math.min(waitMs, this.#obsoleteInMs()));
    }
  }

  /** With those whom an answer lacked only lately. */
  #gathered(members: readonly Proposed[]): readonly Proposed[] {
    const nowMs = this.#ports.clock.now();
    const told = new Set(members.map(({ endpoint }) => formatEndpoint(endpoint)));
    for (const member of members)
      this.#seen.set(formatEndpoint(member.endpoint), { member, missingSinceMs: undefined });
    for (const [name, { member, missingSinceMs = nowMs }] of this.#seen) {
      if (told.has(name)) continue;
      if (nowMs - missingSinceMs >= this.#options.obsoleteMs) this.#seen.delete(name);
      else this.#seen.set(name, { member, missingSinceMs });
    }
    return [...this.#seen.values()].map(({ member }) => member);
  }

  /** Until the first of those who are missing is to go, if another answer lacks it, too. */
  #obsoleteInMs(): number {
    const nowMs = this.#ports.clock.now();
    const left = [...this.#seen.values()].map(
      ({ missingSinceMs = Number.POSITIVE_INFINITY }) => missingSinceMs - nowMs,
    );
    return Math.max(LEAST_WAIT_MS, Math.min(...left) + this.#options.obsoleteMs);
  }
}

// --- internal ---

/** So much sooner or later, so as not to fall into step with others. */
const SPREAD = 0.1;
const LEAST_WAIT_MS = 100;

interface Seen {
  readonly member: Proposed;
  readonly missingSinceMs: number | undefined;
}
