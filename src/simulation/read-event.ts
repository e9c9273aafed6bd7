import { nearestName } from "../config/nearest-name.ts";
import { parseInteger, refusal } from "../config/value-parsers.ts";
import { parseDuration } from "../domain/duration.ts";
import { parseEndpoint } from "../domain/endpoint.ts";
import { PROMPT_MS, type Answering, type Behaviour, type Phase, type Saying } from "./behaviour.ts";
import type { DaemonAct, OutsideChange, PlaneFault, ScenarioEvent } from "./scenario.ts";

/**
 * `30s 10.0.0.1:80 refuses`: when, which server, and what. Rejects with an `LvscareError` that says what was not
 * understood.
 */
export function readEvent(sentence: string): ScenarioEvent {
  const [time = "", ...rest] = sentence.trim().split(/\s+/);
  const atMs = parseMoment(time);
  const text = rest.join(" ");
  const words = new Words(rest);
  const event = readMatter(words);
  words.end();
  return { atMs, text, ...event };
}

/** Whole milliseconds, from 0 to 24 hours. */
export function parseMoment(text: string): number {
  if (/^[1-9]\d*$/.test(text)) throw refusal(`"${text}" has no unit; write ${text}s for seconds`);
  const ms = Math.round(parseDuration(text));
  if (ms < 0) throw refusal(`"${text}" is negative`);
  if (ms > LONGEST_MS) throw refusal(`"${text}" is too long; the most is 24h`);
  return ms;
}

// --- internal ---

type Matter<T = ScenarioEvent> = T extends unknown ? Omit<T, "atMs" | "text"> : never;

const LONGEST_MS = 24 * 3_600_000;
/** Shorter phases than a check takes would only cost time. */
const SHORTEST_PHASE_MS = 10;

function readMatter(words: Words): Matter {
  const who = words.take("who it is about: a real server's IP:port, data-plane, others or daemon");
  // No name has a colon, no address has none.
  if (who.includes(":")) return { kind: "server", server: parseEndpoint(who), phases: readPhases(words) };
  switch (pick(who, ["data-plane", "others", "daemon"], "an IP:port nor")) {
    case "data-plane":
      return { kind: "data-plane", fault: readFault(words) };
    case "others":
      return { kind: "others", change: readChange(words) };
    case "daemon":
      return { kind: "daemon", act: readAct(words) };
  }
}

/** `answers 503 in 2s`, `answers kept 500`, or parts that go round: `answers for 4s, vanishes for 2s`. */
function readPhases(words: Words): Phase[] {
  const phases: Phase[] = [];
  do {
    const behaviour = readBehaviour(words);
    const forMs = words.skip("for") ? parseMoment(words.take("how long")) : Number.POSITIVE_INFINITY;
    if (forMs < SHORTEST_PHASE_MS) throw refusal(`a part lasts ${SHORTEST_PHASE_MS}ms at the least`);
    phases.push({ behaviour, forMs });
  } while (words.skip(","));
  if (phases.length === 1 && phases[0]?.forMs !== Number.POSITIVE_INFINITY) {
    throw refusal(`what comes after that? "for" is for parts that go round: answers for 4s, vanishes for 2s`);
  }
  if (phases.length > 1 && phases.some(({ forMs }) => forMs === Number.POSITIVE_INFINITY)) {
    throw refusal(`each of several parts needs its time: answers for 4s, vanishes for 2s`);
  }
  return phases;
}

function readBehaviour(words: Words): Behaviour {
  const kind = words.pick(["answers", "leaves", "not-serving", "weighs", "refuses", "hangs", "vanishes"]);
  if (kind === "refuses" || kind === "hangs" || kind === "vanishes") return { kind };
  if (kind !== "answers") {
    const answering: Answering = { kind: "answers", status: 200, afterMs: PROMPT_MS, says: readSaying(kind, words) };
    return words.skip("in") ? { ...answering, afterMs: parseMoment(words.take("after how long")) } : answering;
  }
  const status = /^\d/.test(words.next ?? "") ? readStatus(words) : 200;
  const afterMs = words.skip("in") ? parseMoment(words.take("after how long")) : PROMPT_MS;
  const answering: Answering = { kind, status, afterMs };
  for (;;) {
    const manner = readManner(words);
    if (manner === undefined) return answering;
    Object.assign(answering, manner);
  }
}

function readSaying(kind: "leaves" | "not-serving" | "weighs", words: Words): Saying {
  if (kind === "leaves") return { kind: "leaving" };
  if (kind === "not-serving") return { kind: "notServing" };
  return { kind: "weight", weight: parseInteger(0, 65_535)(words.take("the weight that it asks for")) };
}

/** What is odd about its answers; undefined when the text says nothing about that. */
function readManner(words: Words): Partial<Answering> | undefined {
  if (words.next === undefined || words.next === "," || words.next === "for") return undefined;
  switch (words.pick(["over", "kept", "closes-idle", "one-at-a-time", "half-open"])) {
    case "over":
      return { afterMs: parseMoment(words.take("how long the answer takes")), trickles: true };
    case "kept":
      return { keptStatus: readStatus(words) };
    case "closes-idle":
      return { closesIdleMs: parseMoment(words.take("after how long")) };
    case "one-at-a-time":
      return { oneAtATime: true };
    case "half-open":
      return { halfOpen: true };
  }
}

function readStatus(words: Words): number {
  return parseInteger(100, 999)(words.take("a status"));
}

function readFault(words: Words): PlaneFault {
  const verb = words.pick(["works", "takes", "refuses"]);
  if (verb === "works") return { kind: "works" };
  if (verb === "takes") return { kind: "takes", latencyMs: parseMoment(words.take("how long")) };
  const what = words.take("what is refused: reads, writes or what is about one IP:port");
  if (what.includes(":")) return { kind: "refusesServer", server: parseEndpoint(what) };
  return { kind: pick(what, ["reads", "writes"], "an IP:port nor") === "reads" ? "refusesReads" : "refusesWrites" };
}

function readChange(words: Words): OutsideChange {
  const verb = words.pick(["delete", "put"]);
  if (verb === "delete") {
    const what = words.take("what they delete: service or an IP:port");
    if (what.includes(":")) return { kind: "delete", server: parseEndpoint(what) };
    pick(what, ["service"], "an IP:port nor");
    return { kind: "deleteService" };
  }
  const server = parseEndpoint(words.take("the IP:port that they put there"));
  const weight = words.skip("weight") ? parseInteger(0, 65_535)(words.take("a weight")) : 1;
  return { kind: "put", server, weight };
}

function readAct(words: Words): DaemonAct {
  if (words.pick(["stalls", "restarts"]) === "stalls") {
    words.skip("for");
    return { kind: "stalls", forMs: parseMoment(words.take("how long")) };
  }
  return { kind: "restarts", afterMs: words.skip("after") ? parseMoment(words.take("after how long")) : 0 };
}

/** The words of a sentence, one after the other; a comma is one of its own. */
class Words {
  readonly #words: string[];

  constructor(words: readonly string[]) {
    this.#words = words.flatMap((word) => (word.length > 1 && word.endsWith(",") ? [word.slice(0, -1), ","] : [word]));
  }

  get next(): string | undefined {
    return this.#words[0];
  }

  take(wanted: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw refusal(`it ends where it should say ${wanted}`);
    return word;
  }

  pick<const Choice extends string>(choices: readonly Choice[]): Choice {
    return pick(this.take(choices.join(" or ")), choices);
  }

  /** Whether the word was there. */
  skip(word: string): boolean {
    if (this.next !== word) return false;
    this.#words.shift();
    return true;
  }

  end(): void {
    if (this.next !== undefined) throw refusal(`"${this.#words.join(" ")}" is more than is understood`);
  }
}

function pick<const Choice extends string>(word: string, choices: readonly Choice[], alsoNot = ""): Choice {
  const choice = choices.find((one) => one === word);
  if (choice !== undefined) return choice;
  const meant = nearestName(word, choices);
  if (meant !== undefined) throw refusal(`"${word}" is not understood; did you mean ${meant}?`);
  throw refusal(`"${word}" is ${alsoNot === "" ? "not" : `neither ${alsoNot}`} one of ${choices.join(", ")}`);
}
