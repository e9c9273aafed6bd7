import type { OptionKey } from "./file-keys.ts";

/** A value as the texts that the flag would have, or why it cannot be that. */
export type ValueReading = { readonly texts: readonly string[] } | { readonly problem: string; readonly hint?: string };

/** Reads the value of any key but headers and status codes. What the text means is left to the flag's own parser. */
export function valueTexts({ type, row }: Pick<OptionKey, "type" | "row">, value: unknown): ValueReading {
  switch (type) {
    case "time":
      return timeTexts(value);
    case "whole-number":
      return Number.isInteger(value) ? text(value) : expected("a whole number", value);
    case "share":
      return Number.isInteger(value) || typeof value === "string" ? text(value) : expected("a percentage", value);
    case "listen":
      return Number.isInteger(value) || typeof value === "string"
        ? text(value)
        : expected("a port, or an IP address with one", value);
    case "port":
      return Number.isInteger(value) || typeof value === "string"
        ? text(value)
        : expected("the name or number of a port", value);
    case "boolean":
      return typeof value === "boolean" ? text(value) : expected("true or false", value);
    case "verify":
      if (value === "ca") return text(value);
      return value === "none" || value === "full" ? text(value === "none") : expected("none, ca or full", value);
    case "words":
      return isWords(value)
        ? { texts: Array.isArray(value) ? value : [value] }
        : expected("a word or a list of words", value);
    case "codes": {
      const codes = Array.isArray(value) ? value : [value];
      const isCode = (code: unknown): boolean => Number.isInteger(code) || typeof code === "string";
      return codes.length > 0 && codes.every(isCode)
        ? { texts: codes.map(String) }
        : expected("a status code, a range such as 500-599, or a list of them", value);
    }
    case "texts":
      return namedTexts(value);
    case "arguments":
      return argumentTexts(value);
    case "patterns":
      return isMap(value)
        ? text(JSON.stringify(value))
        : expected("regular expressions by the names of headers", value);
    case "body":
      return isMap(value) ? text(JSON.stringify(value)) : expected("contains, regex, sha256 or not", value);
    case "choice": {
      const choices = row.inFile?.choices ?? row.choices ?? [];
      return typeof value === "string" ? text(value) : expected(`one of ${choices.join(", ")}`, value);
    }
    case "address":
      return typeof value === "string" ? text(value) : expected("an IP address", value);
    default:
      if (row.valueName === "rate" && typeof value === "number") return expected("a rate such as 50/s", value);
      return typeof value === "string" ? text(value) : expected("text", value);
  }
}

/** Seconds, or a duration. */
export function timeTexts(value: unknown): ValueReading {
  if (typeof value === "number" && Number.isFinite(value)) return text(`${value}s`);
  if (typeof value !== "string") return expected("a time such as 5s or 500ms", value);
  return text(/^\d+(\.\d+)?$/.test(value) ? `${value}s` : value);
}

/** `expected a time such as 5s, got "fast"`. */
export function expected(what: string, value: unknown): { readonly problem: string; readonly hint?: string } {
  const problem = `expected ${what}, got ${shown(value)}`;
  return what === "text" && (typeof value === "number" || typeof value === "boolean")
    ? { problem, hint: "write it in quotes" }
    : { problem };
}

/** As a message has it: short, and no more of a list or a map than that it is one. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a map";
  const whole = typeof value === "string" ? JSON.stringify(value) : String(value);
  return whole.length <= LONGEST_SHOWN ? whole : `${whole.slice(0, LONGEST_SHOWN)}…`;
}

// --- internal ---

function argumentTexts(value: unknown): ValueReading {
  if (!Array.isArray(value)) return { ...expected("a list of arguments", value), hint: "there is no shell" };
  if (value.length === 0) return { problem: "expected a program and its arguments, got nothing" };
  const items: readonly unknown[] = value;
  const texts = items.filter((one) => typeof one === "string");
  const wrong = items.find((one) => typeof one !== "string");
  return texts.length === items.length ? { texts } : expected("text", wrong);
}

function namedTexts(value: unknown): ValueReading {
  if (!isMap(value)) return expected("texts by their names", value);
  const wrong = Object.entries(value)
    .filter(([, one]) => typeof one !== "string")
    .map(([name, one]) => ({ name, ...expected("text", one) }));
  if (wrong.length === 0) return text(JSON.stringify(value));
  const hint = wrong.find((one) => one.hint !== undefined)?.hint;
  const problem = wrong.map((one) => `${one.name}: ${one.problem}`).join("; ");
  return { problem, ...(hint !== undefined && { hint }) };
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const LONGEST_SHOWN = 80;

function isWords(value: unknown): value is string | readonly string[] {
  if (!Array.isArray(value)) return typeof value === "string";
  return value.length > 0 && value.every((word) => typeof word === "string");
}

function text(value: unknown): ValueReading {
  return { texts: [String(value)] };
}
