import type { Colour, Paint } from "./colour.ts";

export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

/** A heading and its rows, every line filled up to the width of the widest: more text can follow on any of them. */
export function alignTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
): { readonly lines: readonly string[]; readonly width: number } {
  const heading = columns.map(({ title }): Cell => ({ text: title, colour: "bold" }));
  const all = [heading, ...rows];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => Bun.stringWidth(row[at]?.text ?? ""))));
  const lines = all.map((row) =>
    columns.map(({ align }, at) => alignCell(row[at] ?? { text: "" }, align, widths[at] ?? 0, paint)).join(GAP),
  );
  return { lines, width: widths.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1)) };
}

// --- internal ---

const GAP = "  ";

function alignCell({ text, colour }: Cell, align: Column["align"], width: number, paint: Paint): string {
  const fill = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  const painted = colour === undefined ? text : paint(colour, text);
  return align === "left" ? painted + fill : fill + painted;
}
