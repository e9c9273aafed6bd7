import type { LogEntry } from "./log-entry.ts";
import { toPlain } from "./plain-value.ts";

/** One JSON object: `time` (ISO 8601, UTC), `level` and `msg` first, then the fields. */
export function formatJsonLine({ time, level, message, fields }: LogEntry): string {
  const own = Object.entries(fields).map(([key, value]) => [RESERVED.has(key) ? `${key}_` : key, toPlain(value)]);
  return `${JSON.stringify({ time: time.toISOString(), level, msg: message, ...Object.fromEntries(own) })}\n`;
}

// --- internal ---

const RESERVED: ReadonlySet<string> = new Set(["time", "level", "msg"]);
