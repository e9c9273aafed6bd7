import { join } from "node:path";
import type { Counts } from "./counts.ts";

/** The arguments for `bun` that run these files and leave a report. */
export function bunTestArguments(files: readonly string[], report: string): string[] {
  return [
    "test",
    "--conditions=development",
    // The VMs take all processors meanwhile: what is slow then is not broken.
    "--timeout=30000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...files.map((file) => `./${file}`),
  ];
}

/**
 * Counts what `bun test` reported. A file that fails to load is missing from the report, and nothing in it
 * tells of a run that broke off, so each file without a result counts as a failure, and a bad exit as one.
 */
export async function countTests(files: readonly string[], report: string, exitCode: number): Promise<Counts> {
  const file = Bun.file(report);
  const xml = (await file.exists()) ? await file.text() : "";
  const totals = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const skipped = attribute(totals, "skipped");
  const failures = attribute(totals, "failures");
  const passed = attribute(totals, "tests") - failures - skipped;
  const silent = files.filter((path) => !xml.includes(` file="${path}"`));
  for (const path of silent) process.stdout.write(`no test result from ${path}\n`);
  const failed = failures + silent.length;
  const broken = failed === 0 && (exitCode !== 0 || passed + skipped === 0);
  return { passed, failed: broken ? 1 : failed, skipped };
}

function attribute(element: string, name: string): number {
  return Number(new RegExp(` ${name}="(\\d+)"`).exec(element)?.[1] ?? 0);
}

export function reportPath(folder: string, name: string): string {
  return join(folder, `${name}.xml`);
}
