import { FRAMING_HEADERS, isToken } from "../../domain/http-syntax.ts";

/** What one request of a probe asks for; a redirect changes it. */
export interface RequestStep {
  readonly method: string;
  /** Path and query, beginning with a slash. */
  readonly path: string;
  readonly body: string;
}

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** The request cannot be sent as it is: the user who configured it must learn why. */
export interface Refusal {
  readonly refused: string;
}

/**
 * The bytes of one HTTP/1.1 request (RFC 9112, 3) that asks the server to close afterwards, unless `keepsAlive`. The
 * given headers replace ours of the same name; those that frame the message are always ours. No value can start
 * another line: such a request is refused.
 */
export function encodeRequest(
  step: RequestStep,
  host: string,
  given: HeaderList,
  keepsAlive: boolean,
): Uint8Array | Refusal {
  if (!isToken(step.method)) return { refused: `${JSON.stringify(step.method)} is not a request method` };
  const bad = given.find(([name, value]) => !isToken(name) || /[\0\r\n]/.test(value));
  if (bad !== undefined) return { refused: `the request header ${JSON.stringify(bad[0])} cannot be sent` };

  const body = new TextEncoder().encode(step.body);
  const lines = [
    `${step.method} ${requestTarget(step.path)} HTTP/1.1`,
    ...headers(host, given, keepsAlive, framing(step.method, body.length)).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`), body]);
}

// --- internal ---

/** Methods whose requests carry a length even when it is 0 (RFC 9110, 8.6); some servers answer 411 without. */
const METHODS_WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

function framing(method: string, bodyBytes: number): HeaderList {
  return bodyBytes > 0 || METHODS_WITH_BODY.has(method) ? [["Content-Length", String(bodyBytes)]] : [];
}

function headers(host: string, given: HeaderList, keepsAlive: boolean, framing: HeaderList): HeaderList {
  const theirs = given.filter(([name]) => !FRAMING_HEADERS.has(name.toLowerCase()));
  const taken = new Set(theirs.map(([name]) => name.toLowerCase()));
  const ours: HeaderList = [
    ["Host", host],
    ["User-Agent", "lvscare"],
    ["Accept-Encoding", "identity"],
    ["Connection", keepsAlive ? "keep-alive" : "close"],
  ];
  return [...ours.filter(([name]) => !taken.has(name.toLowerCase())), ...theirs, ...framing];
}

/** Percent-encodes what may not stand in a request target: blanks, control characters, `#` and all beyond ASCII. */
function requestTarget(path: string): string {
  return path.replaceAll(/[^\x21-\x7e]+|#/gu, (text) => {
    const bytes = new TextEncoder().encode(text);
    return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}
