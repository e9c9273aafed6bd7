import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventRecord } from "../../src/domain/event-record.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { openPage, startBrowser } from "../control/support/browser.ts";
import { BROWSER } from "./harness/packages.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { startHost, type Host } from "./support/host.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { linesOf } from "./support/line-process.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import type { Namespace } from "./support/namespace.ts";
import { asRefused } from "./support/stopped-server.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel({ browser: true });
setDefaultTimeout(600_000);
/** A browser on emulated processors. */
const BROWSER_MS = 240_000;

const [A, B, C] = SERVERS;
const WEB = "127.0.0.1:9105";
/** A table that is read once a second shows every state, even where nobody gets a turn for some seconds. */
const FLAGS = `--vs ${VS} --rs ${SERVERS.join(",")} --interval 8 --health-schem http --health-path / --mode none --check-way=false --http-listen ${WEB}`;

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
afterAll(() => host[Symbol.asyncDispose]());

test("through a failure, a recovery and an operator's drain, everything tells the story that ipvsadm tells", async () => {
  const { namespace, echo } = host;
  await using care = startCare(namespace, FLAGS.split(" "));
  await care.waitForLog(/new virtual server/);
  const watched = follow("status", "--watch", "--vs", VS);
  const followed = follow("events", "--follow", "-o", "json");
  await using client = await Client.start(namespace, VS);
  await waitForTable(namespace, tableWith());
  expect(await client.request(6)).toEqual({ [A]: 2, [B]: 2, [C]: 2 });
  await waitFor(
    () => linesAbout(watched, B),
    (lines) => lines.at(-1) === "healthy  weight 1",
  );

  await echo.close(B);
  await waitForTable(namespace, tableWith([A, C]));
  expect(await client.request(4)).toEqual({ [A]: 2, [C]: 2 });
  await waitFor(
    () => linesAbout(watched, B),
    (lines) => lines.at(-1) === "removed  not in the table",
  );
  await echo.open(B);
  await waitForTable(namespace, tableWith());

  expect(await lvscare("drain", C, "--wait", "1m")).toMatchObject({ exitCode: 0, stderr: "" });
  const drained = { [A]: 1, [B]: 1, [C]: 0 };
  expect(tableOf(namespace)).toEqual({ [`TCP ${VS} rr`]: drained });
  expect(await client.request(4)).toEqual({ [A]: 2, [B]: 2 });
  await waitFor(
    () => linesAbout(watched, C),
    (lines) => lines.at(-1) === "drained  weight 0  held: drained",
  );
  expect(await lvscare("undrain", C)).toMatchObject({ exitCode: 0, stderr: "" });
  await waitForTable(namespace, tableWith());
  expect(await client.request(3)).toEqual({ [A]: 1, [B]: 1, [C]: 1 });

  // The page, as a browser on this host shows it.
  await using browser = await startBrowser(await browserIn(host.namespace), BROWSER_MS);
  const { page, complaints } = await openPage(browser, `http://${WEB}`, {}, BROWSER_MS);
  await page.locator(".server[data-state=healthy]").nth(2).waitFor();
  const cards = await page.locator(".server[data-state=healthy] summary").allTextContents();
  expect(cards.map((text) => SERVERS.find((server) => text.includes(server)))).toEqual([A, B, C]);
  expect(await page.locator(".server .weight").allTextContents()).toEqual(["weight 1", "weight 1", "weight 1"]);
  // The statuses and the events are messages of their own.
  const told = page.locator("#events .event");
  await told.filter({ hasText: "nothing held" }).waitFor();
  const timeline = await told.allInnerTexts();

  // The live table.
  await waitForEqual(
    () => settled(linesAbout(watched, C)).slice(-3),
    ["healthy  weight 1", "drained  weight 0  held: drained", "healthy  weight 1"],
  );
  expect(settled(linesAbout(watched, B)).slice(-4)).toEqual([
    "healthy  weight 1",
    "draining  weight 0",
    "removed  not in the table",
    "healthy  weight 1",
  ]);
  // The events, as they happened, remembered, and over HTTP.
  const story = [
    `real server ${B} healthy → draining: connect refused`,
    `real server ${B} draining → removed: connect refused`,
    `real server ${B} removed → healthy: status 200`,
    `real server ${C}, by an operator's request: drained`,
    `real server ${C}, by an operator's request: nothing held`,
  ];
  const infos = (records: readonly EventRecord[]): string[] =>
    records
      .filter(({ level }) => level === "info")
      .map(({ message }) => asRefused(message))
      .slice(-story.length);
  await waitForEqual(() => infos(followed.map((line) => JSON.parse(line) as EventRecord)), story);
  const remembered = await lvscare("events", "--since", "10m", "-o", "json");
  expect(
    infos(
      remembered.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as EventRecord),
    ),
  ).toEqual(story);
  const { events } = JSON.parse(await get("/api/v1/events")) as { events: EventRecord[] };
  expect(infos(events)).toEqual(story);

  const shown = timeline.map((text) => asRefused(text.replaceAll(/\s+/g, " ")));
  for (const line of story) expect(shown.join("\n")).toContain(shortened(line));
  expect(complaints).toEqual([]);

  // Every figure, from the kernel's own tool, from the status and from the metrics.
  const stats = parseStats(await namespace.exec("ipvsadm", "-Ln", "--stats", "--exact"));
  expect(stats[A]).toMatchObject({ connections: 7 });
  const { realServers } = JSON.parse(await get("/api/v1/status")) as VirtualServerStatus;
  expect(Object.fromEntries(realServers.map(({ address, stats: figures }) => [address, figures]))).toEqual(stats);
  // On a busy machine its time may be over before anything came.
  const streamed = await waitFor(
    async () => {
      const stream = ["curl", "--silent", "--no-buffer", "--max-time", "6", `http://${WEB}/api/v1/stream`];
      const { stdout } = await namespace.run(stream);
      return /^event: status\n(?:id: .*\n)?data: (.*)\n/m.exec(stdout)?.[1] ?? "";
    },
    (data) => data !== "",
  );
  expect((JSON.parse(streamed) as VirtualServerStatus).realServers.map(({ stats: figures }) => figures)).toEqual(
    SERVERS.map((server) => stats[server]),
  );
  const metrics = await get("/metrics");
  for (const server of SERVERS) {
    expect<unknown>(figuresOf(metrics, server)).toEqual(stats[server]);
    expect(sample(metrics, "real_server_weight", server)).toBe(1);
    expect(sample(metrics, "real_server_state", server, `,state="healthy"`)).toBe(1);
    expect(sample(metrics, "real_server_drained", server)).toBe(0);
  }
  expect(["draining", "removed"].map((to) => sample(metrics, "transitions_total", B, `,to="${to}"`))).toEqual([1, 1]);
  expect(metrics).toContain(
    `lvscare_out_of_rotation_duration_seconds_count{virtual_server="${VS}",protocol="tcp"} 1\n`,
  );
  expect(await lvscare("status", "--exit-code")).toMatchObject({ exitCode: 0 });
});

// --- internal ---

/** A program that starts the browser in the namespace. */
async function browserIn({ pid }: Namespace): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), "lvscare-browser-")), "chromium");
  const script = `#!/bin/sh\nexec nsenter --target=${pid} --net -- ${BROWSER.file} "$@"\n`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

/** The page names the server apart from what happened to it. */
function shortened(message: string): string {
  return message.replace("real server ", "");
}

function lvscare(...argv: readonly string[]): ReturnType<typeof runLvscare> {
  return runLvscare(host.namespace, argv);
}

function get(path: string): Promise<string> {
  return host.namespace.exec("curl", "--silent", "--show-error", "--fail", `http://${WEB}${path}`);
}

/** The lines that a command goes on to print; it ends with the namespace. */
function follow(...argv: readonly string[]): string[] {
  const lines: string[] = [];
  const child = host.namespace.spawn([lvscareBinary(), ...argv]);
  const read = async (): Promise<void> => {
    for await (const line of linesOf(child.stdout)) lines.push(line);
  };
  void read();
  return lines;
}

/**
 * What the live table told of a real server: state, weight and hold. Where a daemon on a busy machine does not answer in time, a reading has the
 * kernel's table alone, and no state.
 */
function linesAbout(lines: readonly string[], server: string): string[] {
  const mark = `  ${VS}  ${server}  `;
  return lines
    .flatMap((line) => (line.includes(mark) ? [line.slice(line.indexOf(mark) + mark.length)] : []))
    .filter((line) => !line.startsWith("unknown"));
}

/**
 * What each state and hold came to. A state is known a moment before its weight is in the table, and a reading may fall into
 * that moment.
 */
function settled(lines: readonly string[]): string[] {
  const kind = (line: string | undefined): string | undefined => line?.replace(/weight \d+|not in the table/, "");
  return lines.filter((line, index) => kind(line) !== kind(lines[index + 1]));
}

type Figures = Readonly<Record<"connections" | "inPackets" | "outPackets" | "inBytes" | "outBytes", number>>;

/** By real server: `-> 127.0.0.1:8081  connections  packets in  out  bytes in  out`. */
function parseStats(text: string): Record<string, Figures> {
  const rows = [...text.matchAll(/^ +-> (\d\S*) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$/gm)];
  return Object.fromEntries(
    rows.map(([, server = "", ...figures]) => {
      const [connections = 0, inPackets = 0, outPackets = 0, inBytes = 0, outBytes = 0] = figures.map(Number);
      return [server, { connections, inPackets, outPackets, inBytes, outBytes }];
    }),
  );
}

function figuresOf(metrics: string, server: string): Figures {
  const of = (what: string, direction: string): number =>
    sample(metrics, `real_server_${what}_total`, server, `,direction="${direction}"`);
  return {
    connections: sample(metrics, "real_server_new_connections_total", server),
    inPackets: of("packets", "in"),
    outPackets: of("packets", "out"),
    inBytes: of("bytes", "in"),
    outBytes: of("bytes", "out"),
  };
}

function sample(metrics: string, name: string, server: string, labels = ""): number {
  const start = `lvscare_${name}{virtual_server="${VS}",protocol="tcp",real_server="${server}"${labels}} `;
  const line = metrics.split("\n").find((one) => one.startsWith(start));
  return Number(line?.slice(start.length));
}
