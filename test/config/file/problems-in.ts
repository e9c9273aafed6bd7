import { formatProblems } from "../../../src/config/file/finding.ts";
import { locate } from "../../../src/config/file/locate.ts";
import { parseDocument } from "../../../src/config/file/parse-document.ts";
import { readConfig, type ConfigReading } from "../../../src/config/file/read-config.ts";

/** The least that a virtual server needs, after its address and before further keys. */
export const SERVERS = "probe: {type: http}, real-servers: [10.0.0.2:80]";

/** A file with one virtual server that has these keys as well, in the last line. */
export function fileWith(keys: string, top = ""): string {
  return `version: 1\n${top}virtual-servers:\n- {address: 10.0.0.1:80, ${keys}}\n`;
}

/** What a file `f.yaml` and the ones that it includes say, and every line that is told of them. */
export async function read(
  text: string,
  included: Readonly<Record<string, string>> = {},
): Promise<{ readonly reading: ConfigReading; readonly lines: readonly string[] }> {
  const sources = [["f.yaml", text], ...Object.entries(included)] as const;
  const documents = sources.map(([name = "", one = ""]) => parseDocument({ name, text: one }));
  const reading = readConfig(documents);
  return { reading, lines: formatProblems(await locate(reading.findings, documents)) };
}

export async function linesOf(
  text: string,
  included: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  return (await read(text, included)).lines;
}
