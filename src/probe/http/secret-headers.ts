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
    const list = [
      ...(this.#token === undefined ? [] : [bearer(token)]),
      ...(this.#headers === undefined ? [] : parseHeaderLines(headers)),
    ];
    const wrong = list.indexOf(undefined);
    if (wrong !== -1) {
      const isToken = this.#token !== undefined && wrong === 0;
      return { lacking: isToken ? `${this.#token.path} holds no token` : `${this.#headers?.path} holds no headers` };
    }
    this.#texts = texts;
    this.#list = list.filter((header) => header !== undefined);
    return this.#list;
  }
}

/** Lines such as `Name: value`; undefined for each that is none, or that no check may send. */
export function parseHeaderLines(text: string): (readonly [name: string, value: string] | undefined)[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0) return [undefined];
  return lines.map((line) => {
    const at = line.indexOf(":");
    const [name, value] = [line.slice(0, Math.max(0, at)), line.slice(at + 1).trim()];
    return isToken(name) && headerProblem(name, value) === undefined ? [name, value] : undefined;
  });
}

// --- internal ---

/** The first line. */
function bearer(text: string): readonly [name: string, value: string] | undefined {
  const token = text.split("\n", 1)[0]?.trim() ?? "";
  return /^[\x21-\x7e]+$/.test(token) ? ["Authorization", `Bearer ${token}`] : undefined;
}
