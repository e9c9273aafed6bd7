import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { PATIENCE_MS, waitFor } from "../kernel/support/wait-for.ts";
import { CountedLine } from "./support/counted-line.ts";
import { launchBrowser } from "./support/browser.ts";
import { BusyDaemon } from "./support/busy-daemon.ts";
import { PretendedDaemon } from "./support/pretended-daemon.ts";

setDefaultTimeout(120_000);

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
}, 300_000);
afterAll(() => browser.close());

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 } };

/** What is seen first, and what follows for as long as anybody looks. */
const MOST_FIRST_BYTES = 150_000;
const MOST_BYTES_PER_SECOND = 5_000;
const MOST_SHIFT = 0.1;

describe.each([
  ["on a desktop", DESK],
  ["on a phone", PHONE],
  ["in the dark", { ...DESK, colorScheme: "dark" as const }],
])("a page %s", (_, options: BrowserContextOptions) => {
  test("of 200 real servers is light, stands still, asks nobody else and can be used by all", async () => {
    await using daemon = new BusyDaemon("127.77.0.16", [troubled(200)]);
    const watched = await watch(daemon, options, 2500);
    expect(await watched.page.locator(".server").first().textContent()).toContain("removed");
    await expectLight(watched);
    // Rows are alike, and axe takes its time over each: it looks at a dozen.
    await watched.page.getByRole("searchbox", { name: "Filter" }).fill("10.0.0.12");
    await waitFor(
      () => watched.page.locator(".server").count(),
      (rows) => rows === 11,
    );
    // With the details of one, too.
    await watched.page.locator(".server summary").first().press("Enter");
    await waitFor(
      () => watched.page.locator(".server .part").count(),
      (parts) => parts >= 5,
    );
    expect(await violations(watched.page)).toEqual([]);
    await watched.close();
  });
});

describe.each([
  ["of 3 real servers", [troubled(3)]],
  ["of 20 virtual servers", Array.from({ length: 20 }, (_, at) => numbered(at))],
])("a page %s", (_, all) => {
  test.each([DESK, PHONE])(
    "is light, stands still, asks nobody else and can be used by all: %j",
    async (options: BrowserContextOptions) => {
      await using daemon = new BusyDaemon("127.77.0.16", all);
      const watched = await watch(daemon, options, 500);
      await expectLight(watched);
      expect(await violations(watched.page)).toEqual([]);
      await watched.close();
    },
  );
});

// --- internal ---

function troubled(count: number): PretendedDaemon {
  const daemon = new PretendedDaemon(count);
  for (const { address } of daemon.status.realServers) {
    daemon.happen({
      level: "info",
      type: "realServer.healthChanged",
      server: address,
      from: "recovering",
      to: "healthy",
      message: `real server ${address} recovering → healthy: status 200`,
    });
  }
  daemon.move(1, "draining", "status 503");
  daemon.move(1, "removed", "status 503");
  daemon.change(2, {
    state: "drained",
    health: "healthy",
    hold: { since: daemon.startedAt, drained: true, by: "alice" },
    weight: 0,
  });
  return daemon;
}

function numbered(at: number): PretendedDaemon {
  const daemon = at % 3 === 0 ? troubled(3 + at) : new PretendedDaemon(3 + at);
  daemon.status = { ...daemon.status, name: `web-${at}`, address: `10.103.97.${12 + at}:6443` };
  return daemon;
}

interface Watched {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly firstBytes: number;
  readonly bytesPerSecond: number;
  close(): Promise<unknown>;
}

/** Counts all that the browser gets: until the page has been seen for so long, and in at least two seconds after that. */
async function watch(daemon: BusyDaemon, options: BrowserContextOptions, firstMs: number): Promise<Watched> {
  const line = await CountedLine.to(daemon.url);
  const { url } = line;
  const page = await browser.newPage(options);
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`)) complaints.push(`request to ${request.url()}`);
  });
  await page.addInitScript(WATCH_SHIFTS);
  await page.goto(`${url}/`);
  await page.locator("#content:not([hidden])").waitFor();
  const seenAtMs = performance.now();
  await waitFor(
    () => performance.now() - seenAtMs,
    (passed) => passed >= firstMs,
  );
  const firstBytes = line.bytes;
  const fromMs = performance.now();
  const sinceThen = (): { readonly bytes: number; readonly ms: number } => ({
    bytes: line.bytes - firstBytes,
    ms: performance.now() - fromMs,
  });
  // Who counted nothing would find it light.
  const { bytes, ms } = await waitFor(sinceThen, (counted) => counted.ms >= 2000 && counted.bytes > 0);
  const bytesPerSecond = (bytes * 1000) / ms;
  return {
    page,
    complaints,
    firstBytes,
    bytesPerSecond,
    close: () => Promise.all([page.close(), line[Symbol.asyncDispose]()]),
  };
}

async function expectLight({ page, complaints, firstBytes, bytesPerSecond }: Watched): Promise<void> {
  // A browser that gets nothing would pass all of this.
  expect(firstBytes).toBeWithin(10_000, MOST_FIRST_BYTES);
  expect(bytesPerSecond).toBeLessThan(MOST_BYTES_PER_SECOND);
  expect(await page.evaluate("shift")).toBeLessThanOrEqual(MOST_SHIFT);
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  expect(complaints).toEqual([]);
}

/** What axe finds, with where. */
async function violations(page: Page): Promise<unknown> {
  await page.evaluate(axe.source);
  return page.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary).join(" | ")))`);
}

/** The cumulative layout shift of all the time. */
const WATCH_SHIFTS = `
  globalThis.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });`;
