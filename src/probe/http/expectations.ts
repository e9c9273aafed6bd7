import type { BodyExpectation, HttpProbeOptions } from "../../config/care-options.ts";
import { readPattern, type Pattern } from "../../domain/pattern.ts";
import { interestIn, type Interest, type ProbeBody, type ProbeResponse } from "./response/response-reader.ts";

/** What an answer lacks of what its headers and body are to hold, in words; undefined when it lacks nothing. */
export type Disappointment = (answer: ProbeResponse) => string | undefined;

/** Reads the patterns once, for all answers. The configuration has refused those that cannot be read. */
export function readExpectations({
  expectHeaders,
  expectBody,
}: Pick<HttpProbeOptions, "expectHeaders" | "expectBody">): Disappointment {
  const all = [
    ...expectHeaders.map(([name, source]) => ofHeader(name, source)),
    ...(expectBody === undefined ? [] : ofBody(expectBody).map((fits) => withBody(fits))),
  ];
  return (answer) => {
    for (const lacking of all) {
      const words = lacking(answer);
      if (words !== undefined) return words;
    }
    return undefined;
  };
}

/** What has to be kept of answers for it. */
export function interestOf({
  expectHeaders,
  expectBody,
}: Pick<HttpProbeOptions, "expectHeaders" | "expectBody">): Interest {
  return interestIn({ body: expectBody !== undefined, fields: expectHeaders.map(([name]) => name) });
}

// --- internal ---

function ofHeader(name: string, source: string): Disappointment {
  const pattern = compiled(source);
  return ({ fields }) => {
    const values = fields.get(name);
    if (values === undefined) return `it has no header ${name}`;
    return values.some((value) => pattern.isIn(value)) ? undefined : `its header ${name} does not match`;
  };
}

/** `text` decodes it once for all who look at it. */
type OfBody = (body: ProbeBody, text: () => string) => string | undefined;

function withBody(lacking: OfBody): Disappointment {
  return ({ body }) => {
    if (body === undefined) return "its body was not read";
    return lacking(body, () => body.bytes.toString("utf8"));
  };
}

function ofBody({ contains, regex, sha256, not = {} }: BodyExpectation): OfBody[] {
  return [
    ...(contains === undefined
      ? []
      : [holding((text) => text.includes(contains), `its body does not hold "${contains}"`)]),
    ...(regex === undefined ? [] : [matching(compiled(regex))]),
    ...(sha256 === undefined ? [] : [digesting(sha256)]),
    ...(not.contains === undefined ? [] : [lackingText(not.contains)]),
    ...(not.regex === undefined ? [] : [lackingPattern(compiled(not.regex))]),
  ];
}

function holding(isHeld: (text: string) => boolean, words: string): OfBody {
  return ({ isCut }, text) => (isHeld(text()) ? undefined : isCut ? `${words} in its first 64 KiB` : words);
}

/** A pattern may say something of the end, so it wants the whole body. */
function matching(pattern: Pattern): OfBody {
  return ({ isCut }, text) => (isCut ? TOO_LONG : pattern.isIn(text()) ? undefined : "its body does not match");
}

function digesting(sha256: string): OfBody {
  return ({ bytes, isCut }) => {
    if (isCut) return TOO_LONG;
    return new Bun.CryptoHasher("sha256").update(bytes).digest("hex") === sha256
      ? undefined
      : "its body is another one";
  };
}

function lackingText(unwanted: string): OfBody {
  return ({ isCut }, text) =>
    text().includes(unwanted) ? `its body holds "${unwanted}"` : isCut ? TOO_LONG : undefined;
}

function lackingPattern(unwanted: Pattern): OfBody {
  return ({ isCut }, text) =>
    isCut ? TOO_LONG : unwanted.isIn(text()) ? "its body matches what it must not" : undefined;
}

const TOO_LONG = "its body is longer than 64 KiB";

function compiled(source: string): Pattern {
  const pattern = readPattern(source);
  if ("problem" in pattern) throw new Error(`pattern ${source}: ${pattern.problem}`);
  return pattern;
}
