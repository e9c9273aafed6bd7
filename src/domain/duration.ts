import { LvscareError } from "./errors.ts";

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** Milliseconds of a Go duration: `300ms`, `1.5s`, `1m30s`, `0`. A bare number other than 0 is refused, as Go refuses it. */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) {
    throw new LvscareError("BAD_DURATION", `"${text}" is not a duration; write it like 500ms, 5s or 1m30s`);
  }
  const [, sign, body = ""] = match;
  const parts = body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g);
  const totalMs = [...parts].reduce((sum, [, value, unit = ""]) => sum + Number(value) * (UNIT_MS.get(unit) ?? 0), 0);
  return sign === "-" ? -totalMs : totalMs;
}

/** `250ms`, `2s`, `1.5s`, `3m20s`, `2h5m`, `4d3h`: two units at the most, for people. */
export function formatDuration(ms: number): string {
  if (ms < 1) return `${Number(ms.toFixed(2))}ms`;
  if (ms < 1000) return `${Number(ms.toFixed(ms < 10 ? 1 : 0))}ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))}s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return pair(Math.floor(s / 60), "m", s % 60, "s");
  if (s < 86_400) return pair(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "m");
  return pair(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

// --- internal ---

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}
