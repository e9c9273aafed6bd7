import { join } from "node:path";
import type { Failure, Outcome } from "./outcome.ts";

/** The arguments for `bun` that run these files and leave a report. */
export function bunTestArguments(files: readonly string[], report: string, pattern?: string): string[] {
  return [
    "test",
    "--conditions=development",
    // Guests take all processors meanwhile: what is slow then is not broken. Whatever a test waits for gives up before, and says what was missing.
    "--timeout=120000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...(pattern === undefined ? [] : ["-t", pattern]),
    ...files.map((file) => `./${file}`),
  ];
}

/**
 * Reads what `bun test` reported. A file that fails to load is missing from the report, and nothing in it tells of a run that broke off, so
 * each file without a result counts as a failure, and a bad exit as one. Tests that a pattern left out are reported as skipped and are not
 * counted. `commandFor` says what runs a file's test alone.
 */
export async function readOutcome(
  files: readonly string[],
  report: string,
  exitCode: number,
  isFiltered: boolean,
  commandFor: (file: string, test?: string) => string,
): Promise<Outcome> {
  const file = Bun.file(report);
  const xml = (await file.exists()) ? await file.text() : "";
  const totals = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const skipped = Number(attribute(totals, "skipped"));
  const failed = Number(attribute(totals, "failures"));
  const passed = Number(attribute(totals, "tests")) - failed - skipped;
  const silent = files.filter((path) => !xml.includes(` file="${path}"`));
  const failures: Failure[] = [
    ...failedTests(xml).map(({ path, names }) => ({
      name: `${path}: ${names.join(" > ")}`,
      command: commandFor(path, isHook(names) ? undefined : names.join(" ")),
    })),
    ...silent.map((path) => ({ name: `${path}: no test result`, command: commandFor(path) })),
  ];
  if (failures.length === 0 && (exitCode !== 0 || passed + skipped === 0)) {
    failures.push({ name: `the test run ended with exit code ${exitCode}`, command: commandFor(files.join(" ")) });
  }
  return { passed, failed: failures.length, skipped: isFiltered ? 0 : skipped, failures };
}

export function reportPath(folder: string, name: string): string {
  return join(folder, `${name}.xml`);
}

// --- internal ---

function failedTests(xml: string): { path: string; names: readonly string[] }[] {
  return [...xml.matchAll(/(<testcase [^>]*[^/]>)\s*<failure /g)].map(([, element = ""]) => {
    const around = attribute(element, "classname").split(" > ").filter(Boolean).toReversed();
    return { path: attribute(element, "file"), names: [...around, attribute(element, "name")] };
  });
}

/** What failed before or after the tests of a file has no name of its own. */
function isHook(names: readonly string[]): boolean {
  return names.at(-1) === "(unnamed)";
}

function attribute(element: string, name: string): string {
  return unescapeXml(new RegExp(` ${name}="([^"]*)"`).exec(element)?.[1] ?? "");
}

function unescapeXml(text: string): string {
  const characters = new Map([
    ["lt", "<"],
    ["gt", ">"],
    ["quot", '"'],
    ["apos", "'"],
    ["amp", "&"],
  ]);
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code: string | undefined, name: string) =>
    code === undefined ? (characters.get(name) ?? whole) : String.fromCodePoint(Number(code)),
  );
}
