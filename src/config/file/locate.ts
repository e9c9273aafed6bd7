import type { ConfigProblem, Finding } from "./finding.ts";
import { LocatedText } from "./located-text.ts";
import type { ParsedDocument } from "./parse-document.ts";

/**
 * The problems with where they are, in the order of the files and their lines; and keys that are given twice, which
 * only the text shows. The parser that knows places is slow, and loaded for this alone: nobody waits for it while
 * nothing is wrong.
 */
export async function locate(
  findings: readonly Finding[],
  documents: readonly ParsedDocument[],
): Promise<readonly ConfigProblem[]> {
  if (findings.length === 0 && !documents.some(({ mayHide }) => mayHide)) return [];
  const yaml = await import("yaml");
  const texts = documents.map((document, index) => new LocatedText(yaml, document, index));
  const located = Map.groupBy(
    [
      ...findings.flatMap((finding) => texts[finding.place.document]?.locate(finding) ?? []),
      ...texts.flatMap((text, index) => (documents[index]?.mayHide === true ? text.hidden : [])),
    ],
    ({ finding }) => finding.place.document,
  );
  return texts.flatMap((text, index) =>
    text.inOrder(located.get(index) ?? []).map(({ path, line, column, located: { finding, otherOffset } }) => {
      const { severity, code, message, hint, other } = finding;
      const there = other === undefined ? text : (texts[other.document] ?? text);
      const otherAt = otherOffset ?? (other && there.offsetOf({ place: other, at: "value" }));
      const file = there === text ? "" : ` of ${there.name}`;
      const whole = otherAt === undefined ? message : `${message} in line ${there.lineOf(otherAt)}${file}`;
      const problem: ConfigProblem = { file: text.name, line, column, path, severity, code, message: whole };
      return hint === undefined ? problem : { ...problem, hint };
    }),
  );
}
