import { headerProblem } from "../../config/http-values.ts";
import { describeError, errnoOf } from "../../domain/errors.ts";
import { isToken } from "../../domain/http-syntax.ts";
import { WatchedFile } from "../watched-file.ts";
import type { HeaderList } from "./request.ts";

/** Headers that are not in the configuration, because they are secrets. */
export interface Secrets {
  /** What they are now, the same list as long as they are the same; or why there is nothing that can be sent. */
  read(): HeaderList | { readonly lacking: string };
}

/** Headers that come from files, because they are secrets. They are read again when they change, and told to nobody. */
export class SecretHeaders implements Secrets {
  readonly #token: WatchedFile | undefined;
  readonly #headers: WatchedFile | undefined;
  #texts: readonly string[] = [];
  #list: HeaderList = [];

  constructor(tokenFile: string | undefined, headersFile: string | undefined) {
    this.#token = tokenFile === undefined ? undefined : new WatchedFile(tokenFile);
    this.#headers = headersFile === undefined ? undefined : new WatchedFile(headersFile);
  }

  /** What the files say now, the same list as long as they say the same; or why they say nothing that can be sent. */
  read(): HeaderList | { readonly lacking: string } {
    const texts: string[] = [];
    for (const file of [this.#token, this.#headers]) {
      try {
        texts.push(file?.read() ?? "");
      } catch (failure) {
        return { lacking: `${file?.path} cannot be read (${errnoOf(failure) ?? describeError(failure)})` };
      }
    }
    if (Bun.deepEquals(texts, this.#texts)) return this.#list;
    const [token = "", headers = ""] = texts;
    const list: HeaderList[number][] = [];
    for (const [file, text, read] of [
      [this.#token, token, readToken],
      [this.#headers, headers, readHeaderLines],
    ] as const) {
      const found = file === undefined ? [] : read(text);
      if ("problem" in found) return { lacking: `${file?.path}: ${found.problem}` };
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

// --- internal ---

const TOKEN = /^[\x21-\x7e]+$/;
