import { isToken } from "../domain/http-syntax.ts";
import { readPattern } from "../domain/pattern.ts";
import { refusal } from "./value-parsers.ts";

/** Both ends included. */
export type StatusRange = readonly [from: number, to: number];

interface Statuses {
  readonly acceptStatus: readonly number[];
  /** Instead of the usual ones. */
  readonly onlyStatus?: readonly StatusRange[];
  readonly drainOn: readonly StatusRange[];
}

/** All that is given has to be so; patterns are those of `domain/pattern.ts`. */
export interface BodyExpectation {
  readonly contains?: string;
  readonly regex?: string;
  /** Of the whole body, in hexadecimal. */
  readonly sha256?: string;
  readonly not?: Pick<BodyExpectation, "contains" | "regex">;
}

/** Status codes and ranges of them, such as `404` and `500-599`. */
export function parseStatusRanges(texts: readonly string[]): readonly StatusRange[] {
  return texts.map((text) => {
    const [, first, last = first] = /^([1-9]\d{2})(?:-([1-9]\d{2}))?$/.exec(text) ?? [];
    if (first === undefined) throw refusal(`"${text}" is no status code, nor a range such as 200-299`);
    if (Number(last) < Number(first)) throw refusal(`${text} ends before it begins`);
    return [Number(first), Number(last)];
  });
}

export function formatStatusRange([first, last]: StatusRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** Whether each status that passes says that the server shuts down. Those below 200 are no last answer. */
export function passesNever({ acceptStatus, onlyStatus, drainOn }: Statuses): boolean {
  const passing = [...(onlyStatus ?? USUAL), ...acceptStatus.map((code): StatusRange => [code, code])];
  for (const [first, last] of passing)
    for (let code = Math.max(first, FIRST_LAST_ANSWER); code <= last; code++)
      if (!drainOn.some(([from, to]) => from <= code && code <= to)) return false;
  return true;
}

/** Headers by name with a pattern each, from a map in JSON. */
export function parseHeaderPatterns(texts: readonly string[]): readonly (readonly [name: string, pattern: string])[] {
  return texts.flatMap((text) =>
    mapIn(text).map(([name, pattern]): readonly [string, string] => {
      if (!isToken(name)) throw refusal(`"${name}" is not a header name`);
      return [name.toLowerCase(), patternOf(name, pattern)];
    }),
  );
}

/** What a body has to hold, from a map in JSON. */
export function parseBodyExpectation(text: string): BodyExpectation {
  const known = mapIn(text);
  const expectation = Object.fromEntries(known.map(([key, value]) => [key, expectedOf(key, value)]));
  if (known.length === 0) throw refusal("expects nothing; give contains, regex, sha256 or not");
  return expectation;
}

/** The codes that pass by the usual rule, 100 to 399, as a file has them. */
export const USUAL_STATUSES = "100-399";

// --- internal ---

const USUAL: readonly StatusRange[] = [[100, 399]];
const FIRST_LAST_ANSWER = 200;

function mapIn(text: string): [key: string, value: unknown][] {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function expectedOf(key: string, value: unknown): string | BodyExpectation {
  switch (key) {
    case "contains":
      return textOf(key, value);
    case "regex":
      return patternOf(key, value);
    case "sha256": {
      const digest = textOf(key, value).toLowerCase();
      if (!/^[0-9a-f]{64}$/.test(digest)) throw refusal(`sha256: "${digest}" is not 64 digits in hexadecimal`);
      return digest;
    }
    case "not": {
      const below = parseBodyExpectation(JSON.stringify(value));
      const wrong = Object.keys(below).find((one) => one !== "contains" && one !== "regex");
      if (wrong !== undefined) throw refusal(`not: there is no ${wrong} below it; give contains or regex`);
      return below;
    }
    default:
      throw refusal(`unknown key ${key}; give contains, regex, sha256 or not`);
  }
}

function textOf(key: string, value: unknown): string {
  if (typeof value !== "string") throw refusal(`${key}: expected text, got ${JSON.stringify(value)}`);
  if (value === "") throw refusal(`${key} is empty`);
  return value;
}

function patternOf(key: string, value: unknown): string {
  const source = textOf(key, value);
  const pattern = readPattern(source);
  if ("problem" in pattern) throw refusal(`${key}: ${pattern.problem}`);
  return source;
}
