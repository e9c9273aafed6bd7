import { headerProblem } from "../../config/http-values.ts";
import type { HttpRequestOptions } from "../../config/probe-kinds/http.ts";
import { describeError, errnoOf } from "../../domain/errors.ts";
import { isToken } from "../../domain/http-syntax.ts";
import { WatchedFile } from "../watched-file.ts";
import type { HeaderList } from "./request.ts";

/** Headers that are not in the configuration, because they are secrets. */
export interface Secrets {
  /** What they are now, the same list as long as they are the same; or why there is nothing that can be sent. */
  read(): HeaderList | { readonly lacking: string };
}

/** The files of secrets that a check may have. */
export type SecretFiles = Pick<HttpRequestOptions, "tokenFile" | "basicAuthFile" | "headersFile">;

/** Headers that come from files, because they are secrets. They are read again when they change, and told to nobody. */
export class SecretHeaders implements Secrets {
  readonly #files: readonly { readonly file: WatchedFile; readonly headersIn: typeof readToken }[];
  #texts: readonly string[] = [];
  #list: HeaderList = [];

  constructor({ tokenFile, basicAuthFile, headersFile }: SecretFiles) {
    const named = [
      [tokenFile, readToken],
      [basicAuthFile, readBasicAuth],
      [headersFile, readHeaderLines],
    ] as const;
    this.#files = named.flatMap(([path, headersIn]) =>
      path === undefined ? [] : [{ file: new WatchedFile(path), headersIn }],
    );
  }

  /** What the files say now, the same list as long as they say the same; or why they say nothing that can be sent. */
  read(): HeaderList | { readonly lacking: string } {
    const texts: string[] = [];
    for (const { file } of this.#files) {
      try {
        texts.push(file.read());
      } catch (failure) {
        return { lacking: `${file.path} cannot be read (${errnoOf(failure) ?? describeError(failure)})` };
      }
    }
    if (Bun.deepEquals(texts, this.#texts)) return this.#list;
    const list: HeaderList[number][] = [];
    for (const [index, { file, headersIn }] of this.#files.entries()) {
      const found = headersIn(texts[index] ?? "");
      if ("problem" in found) return { lacking: `${file.path}: ${found.problem}` };
      list.push(...found);
    }
    this.#texts = texts;
    this.#list = list;
    return this.#list;
  }
}

/** What a text is lacking to be headers; what it says may be secret, so only the place is told. */
interface Unusable {
  readonly problem: string;
}

/** Lines such as `Name: value`, each a header that a check may send. */
export function readHeaderLines(text: string): HeaderList | Unusable {
  const list: HeaderList[number][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const at = line.indexOf(":");
    const [name, value] = [line.slice(0, Math.max(0, at)), line.slice(at + 1).trim()];
    if (!isToken(name)) return { problem: `line ${index + 1} is no header, such as Name: value` };
    const problem = headerProblem(name, value);
    if (problem !== undefined) return { problem: `line ${index + 1}: ${problem}` };
    list.push([name, value]);
  }
  return list.length === 0 ? { problem: "it holds no headers" } : list;
}

/** The first line, as the header that is sent. */
export function readToken(text: string): HeaderList | Unusable {
  const token = text.split("\n", 1)[0]?.trim() ?? "";
  if (token === "") return { problem: "its first line holds no token" };
  return TOKEN.test(token)
    ? [["Authorization", `Bearer ${token}`]]
    : { problem: "its first line is no token: it has characters that none may have" };
}

/** The first line, `user:password`, as the header that is sent (RFC 7617, in UTF-8). */
export function readBasicAuth(text: string): HeaderList | Unusable {
  const line = text.split("\n", 1)[0]?.replace(/\r$/, "") ?? "";
  if (!line.includes(":")) return { problem: "its first line is not user:password" };
  if (/\p{Cc}/u.test(line)) return { problem: "its first line has control characters" };
  return [["Authorization", `Basic ${Buffer.from(line, "utf8").toString("base64")}`]];
}

// --- internal ---

const TOKEN = /^[\x21-\x7e]+$/;
