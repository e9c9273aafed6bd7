import { join } from "node:path";
import { readPages } from "./docs/pages.ts";
import { PARTS } from "./docs/parts.ts";
import { recording } from "./docs/recording.ts";
import { checkout } from "./test/checkout.ts";

/** A page with each of its parts that come from the program as the program has them now; a test holds all pages to that. */
export async function withParts(text: string): Promise<string> {
  let page = text;
  for (const [whole, name = ""] of text.matchAll(PLACE)) {
    const part = PARTS.get(name);
    if (part === undefined)
      throw new Error(`there is no "${name}" to write; there are: ${[...PARTS.keys()].join(", ")}`);
    const filled = `${beginOf(name)}\n\n${await part()}\n\n${endOf(name)}`;
    page = page.replace(whole, () => filled);
  }
  return page;
}

/** The parts that a page has a place for. */
export function partsOf(text: string): string[] {
  return [...text.matchAll(PLACE)].map(([, name = ""]) => name);
}

// --- internal ---

const PLACE = /<!-- ([\w ]+), written by `bun run readme` -->[^]*?<!-- end of \1 -->/g;

function beginOf(name: string): string {
  return `<!-- ${name}, written by \`bun run readme\` -->`;
}

function endOf(name: string): string {
  return `<!-- end of ${name} -->`;
}

/** The picture that the README begins with: what the first page shows. */
export const RECORDING_FILE = join(checkout, "docs/images/first-steps.svg");

export async function recordingText(): Promise<string> {
  return recording(await Bun.file(join(checkout, "docs/getting-started.md")).text());
}

if (import.meta.main) {
  for (const { path, text } of await readPages()) {
    const written = await withParts(text);
    if (written !== text) await Bun.write(join(checkout, path), written);
  }
  await Bun.write(RECORDING_FILE, await recordingText());
}
