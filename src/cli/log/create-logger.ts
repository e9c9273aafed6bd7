import { createConsola, LogLevels, type LogObject } from "consola/core";
import type { LogOptions } from "../../config/care-options.ts";
import type { LogFields, Logger } from "../../domain/logger.ts";
import type { Output } from "../output.ts";
import { formatJsonLine, formatTextLine, type LogEntry } from "./log-line.ts";

export interface LogSink {
  /** Takes one line, newline included; false when it had to be dropped. `lose` is called when that turns out later. */
  write(line: string, lose: () => void): boolean;
  /** For text lines only. */
  readonly colour: boolean;
}

/** A log that may be written otherwise from some time on. */
export interface ChangeableLogger extends Logger {
  take(options: LogOptions): void;
}

/** The program's log: one line per message, none merged. Lost lines are counted and reported. */
export function createLogger(first: LogOptions, sink: LogSink): ChangeableLogger {
  let options = first;
  let lost = 0;
  /** `count` is of the lines that are lost when this one is. */
  const send = (entry: LogEntry, count = 1): void => {
    const line = options.format === "json" ? formatJsonLine(entry) : formatTextLine(entry, sink.colour);
    const lose = (): void => void (lost += count);
    if (!sink.write(line, lose)) lose();
  };
  const consola = createConsola({
    level: LogLevels.debug,
    // Both, since a clock that is set back makes consola throttle even with an interval of 0.
    throttle: 0,
    throttleMin: Number.MAX_SAFE_INTEGER,
    reporters: [
      {
        log(object) {
          const entry = toEntry(object);
          if (lost > 0) {
            const count = lost;
            lost = 0;
            send({ ...entry, level: "warn", message: "log lines were lost", fields: { count } }, count);
          }
          send(entry);
        },
      },
    ],
  });
  return {
    take: (next) => void (options = next),
    debug: (message, fields = {}) => {
      if (options.level === "debug") consola.debug(typeof message === "string" ? message : message(), fields);
    },
    info: (message, fields = {}) => void consola.info(message, fields),
    warn: (message, fields = {}) => void consola.warn(message, fields),
    error: (message, fields = {}) => void consola.error(message, fields),
  };
}

/**
 * Log lines to an output whose reader may be stuck. With four mebibytes already waiting, lines are dropped: a log
 * without a reader must harm neither memory nor the health checks.
 */
export function createBoundedSink(output: Output, colour: boolean): LogSink {
  return {
    colour,
    write(line, lose) {
      if (output.pendingLength > MOST_PENDING) return false;
      // A log that cannot be written has nowhere to complain to: the daemon's work goes on without it.
      output.write(line).catch(lose);
      return true;
    },
  };
}

// --- internal ---

/** More than ten thousand real servers need when they die at once. */
const MOST_PENDING = 4 * 1024 * 1024;

/** Consola's arguments are untyped, but only the four functions above put any there: a message and its fields. */
function toEntry({ date, type, args }: LogObject): LogEntry {
  const [message, fields] = args as [string, LogFields];
  return { time: date, level: LEVELS.get(type) ?? "info", message, fields };
}

const LEVELS: ReadonlyMap<string, LogEntry["level"]> = new Map<string, LogEntry["level"]>([
  ["debug", "debug"],
  ["info", "info"],
  ["warn", "warn"],
  ["error", "error"],
]);
