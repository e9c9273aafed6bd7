import type { LogFields } from "../../domain/logger.ts";

export interface LogEntry {
  readonly time: Date;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}
