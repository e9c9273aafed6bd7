import { FRAMING_HEADERS, isToken } from "../domain/http-syntax.ts";
import { splitList } from "./split-list.ts";
import { refusal } from "./value-parsers.ts";

/** A method as HTTP allows it; empty means GET, as in Go's client. Its letters stay as they are. */
export function parseMethod(text: string): string {
  if (text === "") return "GET";
  if (!isToken(text)) throw refusal(`"${text}" is not an HTTP method`);
  return text;
}

/**
 * A request path: a slash is put in front if it is missing, a query is kept, and what may not stand in a request line is
 * percent-escaped.
 */
export function parsePath(text: string): string {
  if (/\p{Cc}/u.test(text)) throw refusal(`"${text}" has control characters in it`);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw refusal(`"${text}" is a URL; give only the path`);
  const path = text.startsWith("/") ? text : `/${text}`;
  // encodeURI escapes the percent sign of escapes that are there already, and leaves `#`, which has no meaning in a request.
  return encodeURI(path.toWellFormed())
    .replaceAll(/%25([0-9a-f]{2})/gi, "%$1")
    .replaceAll("#", "%23");
}

/** The same where nothing is corrected. */
export function parseWholePath(text: string): string {
  const path = parsePath(text);
  if (text.startsWith("/")) return path;
  throw refusal(`"${text}" begins with no slash; write /${text}`);
}

/** Why there is no host of this name, as a header has it: perhaps with a port. */
export function hostProblem(name: string): string | undefined {
  return /[\s/?#@]/u.test(name) ? `${JSON.stringify(name)} is no name of a host` : undefined;
}

/**
 * Headers from `name=value` texts by the Go program's rules: with exactly one `=` the text is one header, with more
 * it is a CSV list. A repeated name replaces the earlier one; commas in a value make several headers. Messages never
 * show a value, because it may be a secret.
 */
export function parseHeaders(texts: readonly string[]): (readonly [name: string, value: string])[] {
  const values = new Map(texts.flatMap(splitPairs).map(parsePair));
  const headers = [...values].flatMap(([name, value]) =>
    value.split(",").map((part): readonly [string, string] => [name, part.trim()]),
  );
  if (hasSeveralHosts(headers)) throw refusal(SEVERAL_HOSTS);
  return headers;
}

export const SEVERAL_HOSTS = "Host may be given once only, and with one value";

export function hasSeveralHosts(headers: readonly (readonly [name: string, value: string])[]): boolean {
  return headers.filter(([name]) => name.toLowerCase() === "host").length > 1;
}

/** Why there is no such header; the value is not shown, because it may be a secret. */
export function headerProblem(name: string, value: string): string | undefined {
  if (FRAMING_HEADERS.has(name.toLowerCase())) return `"${name}" follows from the body and cannot be given`;
  return FIELD_VALUE.test(value) ? undefined : `the value of "${name}" has control characters in it`;
}

// --- internal ---

/** No line ends, which would let a value write headers of its own; of the control characters only a tab is allowed. */
const FIELD_VALUE = /^(?:\t|\P{Cc})*$/u;

function splitPairs(text: string): string[] {
  return text.split("=").length === 2 ? [text.replaceAll(/^"+|"+$/g, "")] : splitList(text);
}

function parsePair(pair: string): [name: string, value: string] {
  const at = pair.indexOf("=");
  const name = pair.slice(0, at === -1 ? undefined : at).trim();
  // What leads up to the first wrong character: in `Authorization: Bearer …` the rest is a secret.
  const [shown = ""] = /^[^\s:,]*/.exec(name) ?? [];
  if (at === -1) throw refusal(`"${shown}…" has no "="; write name=value`);
  if (!isToken(name)) throw refusal(`"${shown}…" is not a header name; write name=value`);
  const value = pair.slice(at + 1);
  const problem = headerProblem(name, value);
  if (problem !== undefined) throw refusal(problem);
  return [name, value];
}
