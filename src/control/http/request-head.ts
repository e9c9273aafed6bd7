import { isToken } from "../../domain/http-syntax.ts";

/** The first line and the fields of a request, without its body. */
export interface RequestHead {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** HTTP/1.0 knows neither chunks nor, by itself, a second request. */
  readonly isOld: boolean;
  readonly keepsAlive: boolean;
  readonly hasBody: boolean;
}

/** What is wrong with a head, as an HTTP status. */
export type BadHead = 400 | 505;

/** Reads the text before the empty line, strictly: a client with an HTTP other than RFC 9112's has no business here. */
export function readHead(text: string): RequestHead | BadHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, aim, major, minor] = FIRST_LINE.exec(first) ?? [];
  if (method === undefined || aim === undefined || !isToken(method)) return 400;
  if (major !== "1") return 505;
  const isOld = minor === "0";
  const fields: [string, string][] = [];
  for (const line of lines) {
    const end = line.indexOf(":");
    const [name, value] = [line.slice(0, end), line.slice(end + 1)];
    if (end < 0 || !isToken(name) || !VALUE.test(value)) return 400;
    fields.push([name.toLowerCase(), value.trim()]);
  }
  const absolute = ABSOLUTE.exec(aim);
  const hosts = valuesOf(fields, "host");
  if (hosts.length > 1 || (hosts.length === 0 && !isOld)) return 400;
  // RFC 9112, 3.2.2: the host of such a target counts, not the field.
  if (absolute !== null)
    fields.splice(0, fields.length, ...fields.filter(([name]) => name !== "host"), ["host", absolute[1] ?? ""]);
  const target = absolute === null ? aim : absolute[2] || "/";
  if (!target.startsWith("/") && target !== "*") return 400;
  const connection = valuesOf(fields, "connection").flatMap((one) => one.toLowerCase().split(",").map(trimmed));
  return {
    method,
    target,
    fields,
    isOld,
    keepsAlive: isOld ? connection.includes("keep-alive") : !connection.includes("close"),
    hasBody:
      valuesOf(fields, "transfer-encoding").length > 0 || valuesOf(fields, "content-length").some((one) => one !== "0"),
  };
}

// --- internal ---

const FIRST_LINE = /^([\x21-\x7e]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const ABSOLUTE = /^http:\/\/([^/?#]*)([/?].*)?$/i;

function valuesOf(fields: readonly (readonly [string, string])[], name: string): string[] {
  return fields.filter(([one]) => one === name).map(([, value]) => value);
}

function trimmed(text: string): string {
  return text.trim();
}
