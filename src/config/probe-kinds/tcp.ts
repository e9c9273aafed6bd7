import { readPattern } from "../../domain/pattern.ts";
import type { OptionRow } from "../option-row.ts";
import type { OptionValues } from "../option-values.ts";
import { parseInteger, refusal } from "../value-parsers.ts";
import { CHECKS, type ProbeKind } from "./probe-kind.ts";
import { resolveTarget, TARGET_ROWS, type ProbeTarget } from "./target-rows.ts";
import { resolveTimes, TIME_ROWS, type ProbeTimes } from "./time-rows.ts";
import { resolveTls, TLS_FILE_ROWS, TLS_FLAG_ROWS, type TlsSettings } from "./tls-settings.ts";

/** A connection, and what is said over it, if anything is. */
export interface TcpProbeOptions extends ProbeTimes, ProbeTarget {
  readonly type: "tcp";
  /** What to send first, as bytes in hexadecimal; empty for nothing. */
  readonly sendHex: string;
  /** What the server has to say; undefined: nothing is waited for. */
  readonly expect: TcpExpectation | undefined;
  /** Undefined for plain TCP. */
  readonly tls: TlsSettings | undefined;
}

export type TcpExpectation = (
  | {
      readonly match: "contains" | "starts-with";
      /** In hexadecimal; at least one byte. */
      readonly hex: string;
    }
  | {
      readonly match: "regex";
      /** One of `domain/pattern.ts`; each byte is a character. */
      readonly source: string;
    }
) & {
  /** It has to come within so many bytes. */
  readonly withinBytes: number;
};

/** Of what a server says, no more is ever looked at. */
export const MOST_EXPECTED_BYTES = 65_536;

export const SEND_ROW = {
  flag: "tcp-send",
  kind: "text",
  help: "what to send first",
  group: CHECKS,
  inFile: { place: "probe", key: "send", type: "text" },
} as const satisfies OptionRow;

export const TCP_FILE_ROWS = [
  SEND_ROW,
  {
    flag: "tcp-send-hex",
    kind: "text",
    help: "the same as bytes in hexadecimal",
    group: CHECKS,
    inFile: { place: "probe", key: "send-hex", type: "text" },
  },
  {
    flag: "tcp-expect-contains",
    kind: "text",
    help: "text that the server has to say, whatever comes before it; without anything to send it has to speak first",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.contains", type: "text" },
  },
  {
    flag: "tcp-expect-starts-with",
    kind: "text",
    help: "text that it has to begin with",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.starts-with", type: "text" },
  },
  {
    flag: "tcp-expect-regex",
    kind: "text",
    help: "a regular expression that a part of what it says has to match",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.regex", type: "text" },
  },
  {
    flag: "tcp-expect-hex",
    kind: "text",
    help: "bytes in hexadecimal that it has to say, whatever comes before them",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.hex", type: "text" },
  },
  {
    flag: "tcp-expect-within",
    kind: "text",
    default: String(MOST_EXPECTED_BYTES),
    help: "the number of bytes that it may take for that",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.within", type: "whole-number", bounds: [1, MOST_EXPECTED_BYTES] },
  },
] as const satisfies readonly OptionRow[];

export const TCP_KIND: ProbeKind<TcpProbeOptions> = {
  type: "tcp",
  help: "tcp connects, and may send and expect something",
  schemes: ["tcp"],
  rows: [...TCP_FILE_ROWS, ...TLS_FLAG_ROWS, ...TLS_FILE_ROWS, ...TIME_ROWS, ...TARGET_ROWS],
  flagRows: TIME_ROWS,
  resolve(values, context) {
    const [text, hex] = [values.readOptional("tcp-send", hexOfText), values.readOptional("tcp-send-hex", parseHex)];
    if (text !== undefined && hex !== undefined) values.refuse("tcp-send-hex", "goes not with send");
    const tls = resolveTls(values, context);
    const speaksTls = [...TLS_FLAG_ROWS, ...TLS_FILE_ROWS].some(({ flag }) => !values.isMissing(flag));
    return {
      type: "tcp",
      sendHex: text ?? hex ?? "",
      expect: resolveExpectation(values),
      tls: speaksTls ? tls : undefined,
      ...resolveTimes(values, context),
      ...resolveTarget(values),
    };
  },
};

/** The bytes of a text, in hexadecimal. */
export function hexOfText(text: string): string {
  return Buffer.from(text).toString("hex");
}

// --- internal ---

const FORMS = [
  { flag: "tcp-expect-contains", match: "contains", parse: hexOfText },
  { flag: "tcp-expect-starts-with", match: "starts-with", parse: hexOfText },
  { flag: "tcp-expect-hex", match: "contains", parse: parseHex },
] as const;

const EXPECTED = ["tcp-expect-regex", ...FORMS.map(({ flag }) => flag)] as const;

function resolveExpectation(values: OptionValues<string>): TcpExpectation | undefined {
  const withinBytes =
    values.readOptional("tcp-expect-within", parseInteger(1, MOST_EXPECTED_BYTES)) ?? MOST_EXPECTED_BYTES;
  const source = values.readOptional("tcp-expect-regex", parsePattern);
  const found = FORMS.flatMap(({ flag, match, parse }) => {
    const hex = values.readOptional(flag, parse);
    return hex === undefined ? [] : [{ flag, match, hex }];
  });
  const [first, second] = found;
  const another = source !== undefined && first !== undefined ? "tcp-expect-regex" : second?.flag;
  if (another !== undefined) values.refuse(another, "only one of contains, starts-with, regex and hex can be expected");
  if (source !== undefined) return { match: "regex", source, withinBytes };
  if (first === undefined) {
    // One that was refused is something, too.
    const isExpected = EXPECTED.some((flag) => !values.isMissing(flag));
    if (!isExpected && !values.isMissing("tcp-expect-within"))
      values.refuse("tcp-expect-within", "needs something to expect");
    return undefined;
  }
  if (first.hex.length === 0) values.refuse(first.flag, "is empty");
  if (first.hex.length / 2 > withinBytes)
    values.refuse(first.flag, `is longer than the ${withinBytes} bytes that it may take`);
  const { match, hex } = first;
  return { match, hex, withinBytes };
}

function parsePattern(text: string): string {
  const pattern = readPattern(text);
  if ("problem" in pattern) throw refusal(pattern.problem);
  return text;
}

function parseHex(text: string): string {
  if (/^(?:[0-9a-f]{2}|[ :])*$/i.test(text)) return text.replaceAll(/[ :]/g, "").toLowerCase();
  throw refusal(`"${text}" is not in hexadecimal, two digits a byte`);
}
