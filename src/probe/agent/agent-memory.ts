import { describeLimit } from "../../domain/check-request.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { AskedOf, ProbeOutcome } from "../../domain/health.ts";
import { LARGEST_AGENT_WEIGHT, readAgentLine, saysSomething, type AgentWords } from "./agent-line.ts";

type WithoutTimes<Outcome> = Outcome extends unknown ? Omit<Outcome, "latencyMs" | "timings" | "certificate"> : never;

/** What an agent asks for, or why that is not known. `isExpired`: what it said before counts no more. */
export type AgentOutcome = WithoutTimes<ProbeOutcome> & { readonly isExpired?: true };

/**
 * What an agent said, and until when it counts: what a line does not name is as it was said before, and all of that is
 * forgotten when the agent was not heard for too long.
 */
export class AgentMemory {
  readonly #staleAfterMs: number;
  /** Or since when it was waited for. */
  #heardMs: number;
  #words: AgentWords = {};

  constructor(staleAfterMs: number, nowMs: number) {
    this.#staleAfterMs = staleAfterMs;
    this.#heardMs = nowMs;
  }

  /** That count now. */
  get words(): AgentWords {
    return this.#words;
  }

  heard(line: string, nowMs: number): AgentOutcome {
    const words = readAgentLine(line);
    if (!saysSomething(words)) {
      const { unknown, description } = words;
      const said = unknown ?? description;
      return this.unheard(said === undefined ? "it said nothing" : `it said ${meaningless(said)}`, nowMs);
    }
    this.#heardMs = nowMs;
    const { health, admin, weight, limit } = { ...this.#words, ...words };
    this.#words = {
      ...(health && { health }),
      ...(admin && { admin }),
      ...(weight && { weight }),
      ...(limit !== undefined && { limit }),
    };
    return outcomeOf(this.#words, words);
  }

  /** It was asked, and nothing is known by that. */
  unheard(why: string, nowMs: number): AgentOutcome {
    const silentMs = nowMs - this.#heardMs;
    const reason = `the agent was not heard: ${why}`;
    if (silentMs < this.#staleAfterMs) return { passed: undefined, reason };
    this.#words = {};
    if (silentMs < 1000) return { passed: undefined, reason, isExpired: true };
    const forHowLong = formatDuration(Math.floor(silentMs / 1000) * 1000);
    return { passed: undefined, reason: `the agent was not heard for ${forHowLong}: ${why}`, isExpired: true };
  }
}

// --- internal ---

/** The words of a line that are known: `up, 50% (few disks)`. */
function describe({ health, admin, weight, limit, description, unknown }: AgentWords): string {
  const said = [
    ...(health === undefined ? [] : [health]),
    ...(admin === undefined ? [] : [admin === "maintenance" ? "maint" : admin]),
    ...(weight === undefined ? [] : ["percent" in weight ? `${weight.percent}%` : `weight ${weight.weight}`]),
    ...(limit === undefined ? [] : [describeLimit(limit)]),
  ].join(", ");
  const what = description === undefined ? said : `${said} (${description})`;
  return unknown === undefined ? what : `${what}; and ${meaningless(unknown)}`;
}

function meaningless(word: string): string {
  const isHeavy = /^weight:\d+$/i.test(word);
  return `"${word}", which means nothing${isHeavy ? `: a weight is ${LARGEST_AGENT_WEIGHT} at most` : ""}`;
}

/** `said`: in the last line. */
function outcomeOf({ health, admin, weight, limit }: AgentWords, said: AgentWords): AgentOutcome {
  const reason = describe(said);
  const hold = admin === "drain" || admin === "maintenance" ? admin : undefined;
  const asked: AskedOf = { ...(hold && { hold }), ...(limit !== undefined && { limit }) };
  const asks = hold === undefined && limit === undefined ? {} : { asked };
  if (health !== undefined && health !== "up") return { passed: false, reason, atOnce: true, decided: true, ...asks };
  return {
    passed: true,
    reason,
    atOnce: true,
    ...(weight && { advice: weight }),
    ...(said.unknown !== undefined && { notice: said.unknown }),
    ...asks,
  };
}
