/** Lines of at most `width` columns, broken between words; a longer word keeps a line to itself. */
export function wrapText(text: string, width: number): string[] {
  return wrapWords(text.split(" "), width);
}

/** The same for words of one's own choice, which may have blanks in them. */
export function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && Bun.stringWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** At most so many columns of it, the last of them an ellipsis where there was more. */
export function cutText(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let cut = "";
  for (const character of text) {
    if (Bun.stringWidth(cut + character) >= width) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}
