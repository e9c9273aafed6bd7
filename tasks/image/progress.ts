/** One line about slow work. */
export function progress(line: string): void {
  process.stderr.write(`image: ${line}\n`);
}
