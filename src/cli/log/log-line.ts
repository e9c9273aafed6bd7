import { localTime } from "../../app/local-time.ts";
import { oneLine } from "../../config/one-line.ts";
import type { LogFields } from "../../domain/logger.ts";
import { createPaint, type Colour } from "../colour.ts";
import { describeCauses, toPlain } from "./plain-value.ts";

export interface LogEntry {
  readonly time: Date;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** One JSON object: `time` (ISO 8601, UTC), `level` and `msg` first, then the fields. */
export function formatJsonLine({ time, level, message, fields }: LogEntry): string {
  const own = Object.entries(fields).map(([key, value]) => [RESERVED.has(key) ? `${key}_` : key, toPlain(value)]);
  return `${JSON.stringify({ time: time.toISOString(), level, msg: message, ...Object.fromEntries(own) })}\n`;
}

/** `2026-11-24T02:38:49 INFO real server removed realServer=10.0.0.2:6443`, in local time as the Go program prints it. */
export function formatTextLine({ time, level, message, fields }: LogEntry, colour: boolean): string {
  const paint = createPaint(colour);
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${paint("grey", `${key}=`)}${formatValue(value)}`);
  const { word, shade } = LEVELS[level];
  return `${paint("grey", wallClock(time))} ${paint(shade, word)} ${oneLine(message)}${pairs.join("")}\n`;
}

// --- internal ---

const RESERVED: ReadonlySet<string> = new Set(["time", "level", "msg"]);

const LEVELS: Readonly<Record<LogEntry["level"], { word: string; shade: Colour }>> = {
  debug: { word: "DEBUG", shade: "grey" },
  info: { word: "INFO", shade: "green" },
  warn: { word: "WARN", shade: "yellow" },
  error: { word: "ERROR", shade: "red" },
};

/** ISO 8601 without the zone. */
function wallClock(time: Date): string {
  return localTime(time).toISOString().slice(0, 19);
}

/** Bare where it reads unambiguously, else quoted as JSON would. */
function formatValue(value: unknown): string {
  const plain = value instanceof Error ? describeCauses(value) : toPlain(value);
  const text = typeof plain === "string" ? plain : JSON.stringify(plain);
  const bare = typeof plain !== "string" || /^[^\s"=\p{Cc}]+$/u.test(text);
  return oneLine(bare ? text : JSON.stringify(text));
}
