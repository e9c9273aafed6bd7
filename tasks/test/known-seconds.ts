/** Seconds that the longest files take in a lab on two processors at rest; only the order in which they are started depends on them. */
const KNOWN: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  uml: {},
};
const OTHER_SECONDS = 20;

export function secondsOf(lab: string, file: string): number {
  return KNOWN[lab]?.[file] ?? OTHER_SECONDS;
}
