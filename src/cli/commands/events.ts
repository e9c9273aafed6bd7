import type { EventReader, EventReading, TimedEvent } from "../../app/events.ts";
import { localIso } from "../../app/local-iso.ts";
import { oneLine } from "../../config/one-line.ts";
import { outputRow, parseCalled, readVirtualServers, virtualServersRow } from "../../config/shared-option-rows.ts";
import { parseBoolean, parseChoice, parseInteger } from "../../config/value-parsers.ts";
import { parseDuration } from "../../domain/duration.ts";
import { LvscareError } from "../../domain/errors.ts";
import { listFirst } from "../../domain/name.ts";
import { describeVirtualServer, isVirtualServerCalled } from "../../domain/virtual-server-name.ts";
import { createPaint, type Colour, type Paint } from "../colour.ts";
import { command } from "../command.ts";
import { linesOf, OutTimes, type EventLine } from "../event-lines.ts";
import { exitNow } from "../exit.ts";
import { ownLines } from "../output.ts";
import { isCutShort, listenForStop, pause, watchReader } from "../stopping.ts";

/** The gravest last. */
const LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly TimedEvent["level"][];

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
        flag: "rs",
        kind: "list",
        valueName: "IP:port or name",
        suggests: "real-servers",
        help: "only what tells of this real server; repeat the flag or list several with commas",
        group: "Flags",
      },
      {
        flag: "level",
        kind: "text",
        valueName: "level",
        choices: LEVELS,
        default: LEVELS[0],
        help: "only those of this level or a graver one",
        group: "Flags",
      },
      {
        flag: "lines",
        alias: "n",
        kind: "text",
        valueName: "count",
        help: "only the last so many of what has happened until now",
        group: "Flags",
      },
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
      outputRow(
        ["text", "json"],
        "text for people, in which those that are alike share a line, json for programs: one object a line",
      ),
    ],
    examples: [
      { about: "the last ten minutes, and on from there", command: "lvscare events --since 10m --follow" },
      { about: "the last that went wrong", command: "lvscare events --level warn -n 20" },
      { about: "for programs", command: "lvscare events -o json" },
    ],
  },
  {
    read: (values) => ({
      format: values.read("output", parseChoice(["text", "json"])),
      only: readVirtualServers(values),
      servers: values.readList("rs", parseCalled),
      level: values.read("level", parseChoice(LEVELS)),
      most: values.readOptional("lines", parseInteger(1, MOST_LINES)),
      sinceMs: values.readOptional("since", parseDuration),
      follow: values.read("follow", parseBoolean),
    }),
    async run({ format, only, servers, level, most, sinceMs, follow }, context) {
      const paint = createPaint(context.outColour);
      const { EventReader } = await import("../../app/events.ts");
      const { resolveRealServers, uncaredFor } = await import("../../app/known-names.ts");
      const addresses = await resolveRealServers(servers);
      const isWanted = eventFilter({ servers: addresses, level });
      const reader = new EventReader(only);
      const outTimes = new OutTimes();
      await context.neverBlock();
      using stop = listenForStop(() => exitNow(1));
      using readers = watchReader(context.out);
      const over = AbortSignal.any([stop.signal, readers.signal]);
      let told: readonly string[] = [];
      for (let isFirst = true; ; isFirst = false) {
        const { events, nowMs, complaints, mentions } = await read(reader, only).catch((error: unknown) => {
          // The daemon may be restarting.
          if (isFirst || !(error instanceof LvscareError) || error.code !== "NOT_RUNNING") throw error;
          return { events: [], nowMs: 0, complaints: [error.message], mentions: [] };
        });
        if (isFirst) {
          const silent = addresses.filter((one) => !events.some(eventFilter({ servers: [one], level: "debug" })));
          const strangers = await uncaredFor(silent);
          if (strangers.length > 0)
            throw new LvscareError("NOT_LISTED", `${listFirst(strangers)}: not cared for, and no event tells of it`);
        }
        const news = [...mentions, ...complaints].filter((one) => !told.includes(one));
        if (await isCutShort(context.err.remark(ownLines(news)), over)) return 0;
        told = [...mentions, ...complaints];
        // How long one was out may have begun before what is asked for.
        const wanted = outTimes
          .tell(events)
          .filter((event) => isWanted(event) && nowMs - event.sinceBootMs <= (sinceMs ?? Number.POSITIVE_INFINITY));
        const all =
          format === "json"
            ? wanted.map((event) => `${JSON.stringify(event)}\n`)
            : linesOf(wanted).map((line) => renderLine(line, paint));
        const lines = isFirst && most !== undefined ? all.slice(Math.max(0, all.length - most)) : all;
        if ((await isCutShort(context.out.write(lines.join("")), over)) || !follow) return 0;
        if (context.out.isUnread || (await pause(PAUSE_MS, over))) return 0;
      }
    },
  },
);

// --- internal ---

const PAUSE_MS = 500;
const MOST_LINES = 1_000_000;

type Level = (typeof LEVELS)[number];

/** Also rejects with NOT_RUNNING when no daemon reports on a named virtual server. */
async function read(reader: EventReader, only: readonly string[]): Promise<EventReading> {
  const reading = await reader.next();
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

function renderLine({ at, whose, level, message }: EventLine, paint: Paint): string {
  return `${oneLine(localIso(at))}  ${oneLine(whose)}  ${paint(COLOURS.get(level) ?? "bold", level.toUpperCase().padEnd(5))}  ${oneLine(message)}\n`;
}

/** Those of a level or a graver one, and of certain real servers: that happened to them, or name them. */
function eventFilter({
  servers,
  level,
}: {
  readonly servers: readonly string[];
  readonly level: Level;
}): (event: TimedEvent) => boolean {
  const least = LEVELS.indexOf(level);
  const names = servers.map((server) => new RegExp(String.raw`(?<![\w.:\]])${RegExp.escape(server)}(?!\d)`));
  return (event) => {
    if (LEVELS.indexOf(event.level) < least) return false;
    if (servers.length === 0 || servers.some((server) => server === event.server)) return true;
    return event.server === undefined && names.some((name) => name.test(event.message));
  };
}
