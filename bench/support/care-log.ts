import { readFileSync } from "node:fs";

/** The log of a daemon that writes JSON, looked at as it grows. */
export class CareLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Real servers that went this way since a moment, and when the last of them did: Unix milliseconds. */
  transitions(pattern: RegExp, sinceMs: number): { readonly servers: number; readonly lastMs: number } {
    const servers = new Set<string>();
    let lastMs = Number.NaN;
    for (const line of this.lines(pattern, sinceMs)) {
      const { time, msg } = JSON.parse(line) as { readonly time: string; readonly msg: string };
      servers.add(/^real server (\S+)/.exec(msg)?.[1] ?? "");
      lastMs = Date.parse(time);
    }
    return { servers: servers.size, lastMs };
  }

  /** Lines like this since a moment. */
  lines(pattern: RegExp, sinceMs: number): readonly string[] {
    const all = readFileSync(this.path, "utf8").split("\n");
    const timeOf = (line: string): number => Date.parse((JSON.parse(line) as { readonly time: string }).time);
    return all.filter((line) => pattern.test(line) && timeOf(line) >= sinceMs);
  }

  /** Waits until so many have gone this way. */
  async waitFor(
    pattern: RegExp,
    sinceMs: number,
    servers: number,
    timeoutMs = 120_000,
  ): Promise<{ readonly lastMs: number }> {
    const startedMs = performance.now();
    for (;;) {
      const seen = this.transitions(pattern, sinceMs);
      if (seen.servers >= servers) return seen;
      if (performance.now() - startedMs > timeoutMs)
        throw new Error(`only ${seen.servers} of ${servers} real servers went ${pattern} within ${timeoutMs} ms`);
      await Bun.sleep(100);
    }
  }
}
