import type { EventReader, EventReading, TimedEvent } from "../../app/events.ts";
import { localIso } from "../../app/local-iso.ts";
import { oneLine } from "../../config/one-line.ts";
import { outputRow, readVirtualServers, virtualServersRow } from "../../config/shared-option-rows.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { formatDuration, parseDuration } from "../../domain/duration.ts";
import { LvscareError } from "../../domain/errors.ts";
import { listFirst } from "../../domain/name.ts";
import {
  describeVirtualServer,
  isOfVirtualServer,
  isVirtualServerCalled,
  virtualServerOf,
} from "../../domain/virtual-server-name.ts";
import { createPaint, type Colour, type Paint } from "../colour.ts";
import { command } from "../command.ts";
import { exitNow } from "../exit.ts";
import { ownLines } from "../output.ts";
import { isCutShort, listenForStop, pause, watchReader } from "../stopping.ts";

/** `lvscare events`: what happened to the virtual servers of this host, and goes on to happen. */
export const eventsCommand = command(
  {
    name: "events",
    about:
      "Shows what the running daemons remember: transitions of real servers with their reasons, failed checks, what was written to the " +
      "table, repairs and failures.",
    synopsis: "[flags]",
    rows: [
      virtualServersRow("only those of this virtual server"),
      {
        flag: "since",
        kind: "text",
        valueName: "duration",
        help: "only those of the last while, such as 10m (default: all that the daemons remember, at most about a thousand of each virtual server)",
        group: "Flags",
      },
      {
        flag: "follow",
        alias: "f",
        kind: "boolean",
        help: "go on with what happens from now on, until Ctrl-C",
        group: "Flags",
      },
      outputRow(["text", "json"], "text for people, json for programs: one object a line"),
    ],
    examples: [
      { about: "the last ten minutes, and on from there", command: "lvscare events --since 10m --follow" },
      { about: "for programs", command: "lvscare events -o json" },
    ],
  },
  {
    read: (values) => ({
      format: values.read("output", parseChoice(["text", "json"])),
      only: readVirtualServers(values),
      sinceMs: values.readOptional("since", parseDuration),
      follow: values.read("follow", parseBoolean),
    }),
    async run({ format, only, sinceMs, follow }, context) {
      const paint = createPaint(context.outColour);
      const { EventReader } = await import("../../app/events.ts");
      const reader = new EventReader(only);
      await context.neverBlock();
      using stop = listenForStop(() => exitNow(1));
      using readers = watchReader(context.out);
      const over = AbortSignal.any([stop.signal, readers.signal]);
      let told: readonly string[] = [];
      for (let isFirst = true; ; isFirst = false) {
        const { events, complaints, mentions } = await read(reader, only, sinceMs).catch((error: unknown) => {
          // The daemon may be restarting.
          if (isFirst || !(error instanceof LvscareError) || error.code !== "NOT_RUNNING") throw error;
          return { events: [], complaints: [error.message], mentions: [] };
        });
        const news = [...mentions, ...complaints].filter((one) => !told.includes(one));
        if (await isCutShort(context.err.remark(ownLines(news)), over)) return 0;
        told = [...mentions, ...complaints];
        const lines = events.map((event) =>
          format === "json" ? `${JSON.stringify(event)}\n` : renderEvent(event, paint),
        );
        if ((await isCutShort(context.out.write(lines.join("")), over)) || !follow) return 0;
        if (context.out.isUnread || (await pause(PAUSE_MS, over))) return 0;
      }
    },
  },
);

// --- internal ---

const PAUSE_MS = 500;

/** Also rejects with NOT_RUNNING when no daemon reports on a named virtual server. */
async function read(reader: EventReader, only: readonly string[], sinceMs: number | undefined): Promise<EventReading> {
  const reading = await reader.next(sinceMs);
  const missing = only.filter((word) => !reading.virtualServers.some((one) => isVirtualServerCalled(word, one)));
  if (missing.length === 0) return reading;
  throw new LvscareError(
    "NOT_RUNNING",
    [`no daemon cares for ${missing.join(", ")}`, ...reading.complaints].join("; "),
    {
      remedy: `they care for ${listFirst(reading.virtualServers.map(describeVirtualServer))}`,
    },
  );
}

const COLOURS: ReadonlyMap<string, Colour> = new Map<string, Colour>([
  ["debug", "grey"],
  ["info", "cyan"],
  ["warn", "yellow"],
  ["error", "red"],
]);

function renderEvent(event: TimedEvent, paint: Paint): string {
  const { at, level, message, verdict, from } = event;
  const whose = isOfVirtualServer(event) ? describeVirtualServer(virtualServerOf(event)) : "all";
  // A failed check's message already says how long it took.
  const took = verdict === undefined || from === undefined ? "" : ` (found in ${formatDuration(verdict.latencyMs)})`;
  return `${oneLine(localIso(at))}  ${oneLine(whose)}  ${paint(COLOURS.get(level) ?? "bold", level.toUpperCase().padEnd(5))}  ${oneLine(message)}${took}\n`;
}
