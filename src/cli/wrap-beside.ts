import { wrapText } from "./wrap-text.ts";

/** The text to the right of its label; further lines are aligned with the first. */
export function wrapBeside(
  prefix: string,
  text: string,
  { width = Number.POSITIVE_INFINITY }: { readonly width: number | undefined },
): string[] {
  const column = Bun.stringWidth(prefix);
  return wrapText(text, width - column).map((line, at) => (at === 0 ? prefix : " ".repeat(column)) + line);
}
