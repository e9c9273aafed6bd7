/** What `bun run bench` was told, as every bench is told in turn. */
export const SETTINGS = {
  /** Fewer rounds: to see that a bench runs, not to believe its numbers. */
  isQuick: process.argv.includes("--quick"),
  /** Another program with LVScare's flags to be measured beside ours. */
  third: process.argv[process.argv.indexOf("--third") + 1 || process.argv.length],
  /** Of what a bench measures, only what has this word in its name: where the bench heeds it. */
  only: process.argv[process.argv.indexOf("--only") + 1 || process.argv.length],
} as const;
