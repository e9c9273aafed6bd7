import { FAMILIES, SUBJECT_LABELS, type Family, type Subject } from "../../src/metrics/families.ts";

/** All metrics, by what they are of. */
export function metricTables(): string {
  return SUBJECTS.map((subject) => {
    const labels = SUBJECT_LABELS[subject].map((label) => `\`${label}\``).join(", ");
    const of = labels === "" ? "" : `\n\nWith the labels ${labels}, and their own.`;
    return `### Of a ${subject}${of}\n\n${tableOf(FAMILIES[subject])}`;
  }).join("\n\n");
}

// --- internal ---

const SUBJECTS: readonly Subject[] = ["virtual server", "real server", "process"];

function tableOf(families: readonly Family[]): string {
  const rows = families.map(({ name, type, labels, help }) => {
    const own = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${own} | ${help.replaceAll("|", "\\|")} |`;
  });
  return ["| metric | type | labels | |", "|---|---|---|---|", ...rows].join("\n");
}
