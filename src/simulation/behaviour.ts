/** What a simulated server does with its clients. */
export type Behaviour =
  | Answering
  /** Its host is there and its process is not. */
  | { readonly kind: "refuses" }
  /** It takes connections and says nothing. */
  | { readonly kind: "hangs" }
  /** Its host, or the way to it, is gone: no packet comes back. */
  | { readonly kind: "vanishes" };

/** With this status, after this time. */
export interface Answering {
  readonly kind: "answers";
  readonly status: number;
  readonly afterMs: number;
  /** Of itself, in the words of its checks. */
  readonly says?: Saying;
  /** The answer begins immediately, and its last byte comes after that time. */
  readonly trickles?: boolean;
  /** To all requests of a connection but the first. */
  readonly keptStatus?: number;
  /** Closes a connection after this long without traffic. */
  readonly closesIdleMs?: number;
  /** A client that comes while it serves another connection waits in its queue until that is closed. */
  readonly oneAtATime?: boolean;
  /** It has forgotten its earlier connections and does not say so: what is sent over them is lost. */
  readonly halfOpen?: boolean;
}

export type Saying =
  /** It shuts down, and serves those who come until then. */
  | { readonly kind: "leaving" }
  /** It answers, and cannot serve anybody. */
  | { readonly kind: "notServing" }
  /** It asks for this weight. */
  | { readonly kind: "weight"; readonly weight: number };

export interface Phase {
  readonly behaviour: Behaviour;
  /** Whole milliseconds; infinite for good. */
  readonly forMs: number;
}

/** From a moment on these phases, one after the other and round again. */
export interface BehaviourChange {
  readonly atMs: number;
  readonly phases: readonly Phase[];
}

/** Milliseconds after which a server answers that is not said to be slow. */
export const PROMPT_MS = 2;

const PROMPT_BEHAVIOUR: Behaviour = { kind: "answers", status: 200, afterMs: PROMPT_MS };

const PROMPT: BehaviourChange = {
  atMs: 0,
  phases: [{ behaviour: PROMPT_BEHAVIOUR, forMs: Number.POSITIVE_INFINITY }],
};

interface PhaseTime {
  readonly behaviour: Behaviour;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What one server does when: known for all time, so that a connection's outcome is known when it is made. */
export class ServerScript {
  readonly #changes: readonly BehaviourChange[];
  /** The last one that was looked up: mostly the next one, too. */
  #latest: PhaseTime = { behaviour: PROMPT_BEHAVIOUR, sinceMs: 0, untilMs: 0 };

  /** In the order of time. Until the first one the server answers. */
  constructor(changes: readonly BehaviourChange[]) {
    this.#changes = [PROMPT, ...changes];
  }

  at(ms: number): Behaviour {
    return this.#phaseAt(ms).behaviour;
  }

  /** When its behaviour changes next after this moment; infinite for never. */
  nextChange(ms: number): number {
    return this.#phaseAt(ms).untilMs;
  }

  #phaseAt(ms: number): PhaseTime {
    const { sinceMs, untilMs } = this.#latest;
    if (ms < sinceMs || ms >= untilMs) this.#latest = this.#find(ms);
    return this.#latest;
  }

  #find(ms: number): PhaseTime {
    const at = this.#changes.findLastIndex(({ atMs }) => atMs <= ms);
    const { atMs, phases } = this.#changes[at] ?? PROMPT;
    const overMs = this.#changes[at + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    const roundMs = phases.reduce((sum, { forMs }) => sum + forMs, 0);
    const roundStartMs = atMs + (Number.isFinite(roundMs) ? Math.floor((ms - atMs) / roundMs) * roundMs : 0);
    let untilMs = roundStartMs;
    for (const { behaviour, forMs } of phases) {
      const sinceMs = untilMs;
      untilMs += forMs;
      if (ms < untilMs) return { behaviour, sinceMs, untilMs: Math.min(untilMs, overMs) };
    }
    throw new Error("a behaviour without phases");
  }
}
