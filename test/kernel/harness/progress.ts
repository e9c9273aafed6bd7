/** One line about slow work, on stderr so that a guest command's own output stays clean. */
export function progress(line: string): void {
  process.stderr.write(`vm: ${line}\n`);
}
