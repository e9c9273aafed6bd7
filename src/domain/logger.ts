/** What belongs to a message but not into its sentence: `{ realServer: "10.0.0.2:6443", reason: "timed out after 2s" }`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The program's log. Messages are lower-case sentences without a full stop; never throws. */
export interface Logger {
  /** Every check and every reading: only for tracing a fault. A function is called only when this level is on. */
  debug(message: string | (() => string), fields?: LogFields): void;
  /** What changed. */
  info(message: string, fields?: LogFields): void;
  /** What went wrong and will be tried again. */
  warn(message: string, fields?: LogFields): void;
  /** What went wrong for good. */
  error(message: string, fields?: LogFields): void;
}
