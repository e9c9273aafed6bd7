import type { CareEvent } from "../../src/domain/events.ts";
import type { Logger } from "../../src/domain/logger.ts";
import { createEventLog } from "../../src/events/event-log.ts";
import { EVENT_KINDS } from "./event-kinds.ts";

/** Each kind of event with its level and a line of it, as the log has them. */
export function eventTable(): string {
  const rows = Object.entries(EVENT_KINDS).map(([type, { when, example }]) => {
    const { level, message } = lineOf(example);
    return `| \`${type}\` | ${level} | ${when} | ${message.replaceAll("|", "\\|").replaceAll("<", "\\<")} |`;
  });
  return ["| type | level | when | a line of it |", "|---|---|---|---|", ...rows].join("\n");
}

// --- internal ---

function lineOf(event: CareEvent): { readonly level: string; readonly message: string } {
  const lines: { readonly level: string; readonly message: string }[] = [];
  const noter = (level: string) => (message: string | (() => string)) =>
    void lines.push({ level, message: typeof message === "string" ? message : message() });
  const logger: Logger = { debug: noter("DEBUG"), info: noter("INFO"), warn: noter("WARN"), error: noter("ERROR") };
  createEventLog(logger, () => "kube-proxy (pid 4711)")(event);
  const [line] = lines;
  if (line === undefined) throw new Error(`${event.type} has no line in the log`);
  return line;
}
