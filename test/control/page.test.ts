import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { launchBrowser, openPage, type WatchedPage } from "./support/browser.ts";
import { WebDaemon } from "./support/web-daemon.ts";

setDefaultTimeout(60_000);

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 } };

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
}, 300_000);
afterAll(() => browser.close());

let daemon: WebDaemon;
let opened: WatchedPage[] = [];
afterEach(async () => {
  await Promise.all(opened.map(({ page }) => page.close()));
  opened = [];
  await daemon.stop();
});

describe.each([3, 200])("with %d real servers", (count) => {
  test.each(["light", "dark"] as const)("shows them all, and is readable in the %s theme", async (colorScheme) => {
    daemon = new WebDaemon("127.77.0.15", count);
    daemon.move(0, "draining", "connect timed out after 3s");
    daemon.move(1, "removed", "status 503");
    daemon.change(2, {
      state: "drained",
      health: "healthy",
      hold: { since: daemon.startedAt, drained: true, weight: 5 },
      weight: 0,
    });
    const lastResort = { since: daemon.startedAt, total: count, held: ["10.0.0.11:6443"] };
    daemon.status = { ...daemon.status, lastResort, failOpen: { since: daemon.startedAt, healthy: 1, total: count } };
    const { page, complaints } = await open({ ...DESK, colorScheme });
    await waitForEqual(
      () => textOf(page, "#summary"),
      `${count === 3 ? "nobody" : "fail-open"} · ${count - 3} of ${count} in service`,
    );
    expect(await lanes(page)).toEqual({
      healthy: count - 3,
      draining: 1,
      removed: 1,
      recovering: 0,
      drained: 1,
      leaving: 0,
      unlisted: 0,
    });
    expect(await textOf(page, "[data-state=draining] .card")).toContain("failed: connect timed out after 3s");
    expect(await textOf(page, ".hold:not([hidden])")).toMatch(
      /^drained by an operator for 3m\d+s, weight 5 after that$/,
    );
    expect(await textOf(page, "#fail-open")).toContain(`only 1 of ${count} real servers are healthy`);
    expect(await textOf(page, "#last-resort")).toContain(`none of ${count} real servers is healthy, so 1 that`);
    expect(await textOf(page, "[data-state=drained] .card .state")).toBe("drained");
    expect(await page.locator("#events .event").count()).toBe(2);
    const luminance = Number(await page.evaluate(`(${LUMINANCE})(getComputedStyle(document.body).backgroundColor)`));
    expect(luminance > 0.5 ? "light" : "dark").toBe(colorScheme);
    expect(await page.evaluate(`(${FAINT_TEXTS})(${LUMINANCE})`)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("fits a phone, whatever it is told", async () => {
    daemon = new WebDaemon("127.77.0.15", count);
    const { page, complaints } = await open(PHONE);
    const long = "x".repeat(400);
    daemon.change(0, {
      address: "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
      lastVerdict: { passed: false, reason: long, latencyMs: 3000, at: new Date().toISOString() },
    });
    daemon.happen({ level: "error", type: "plan.failed", message: long });
    await waitFor(
      () => page.locator("#events .event").count(),
      (events) => events === 1,
    );
    await waitFor(() => textOf(page, ".card:has(.failed)"), Boolean);
    expect(await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")).toEqual([360, 360]);
    expect(complaints).toEqual([]);
  });

  test("needs less than 100 KB for what is seen first", async () => {
    daemon = new WebDaemon("127.77.0.15", count);
    const { page } = await open(DESK);
    await waitFor(
      () => lanes(page),
      ({ healthy }) => healthy === count,
    );
    const files = (await page.evaluate(TRANSFERS)) as Record<string, number>;
    expect(Object.keys(files)).toContain("/page/main.js");
    expect(Object.values(files).reduce((sum, size) => sum + size)).toBeWithin(10_000, 100_000);
  });
});

describe("what changes", () => {
  test("moves in place, with its cause in the timeline", async () => {
    const { page, complaints } = await openWith(3);
    await page.evaluate("document.querySelectorAll('.card')[1].known = true");
    daemon.move(1, "draining", "status 503");
    await waitForEqual(() => lanes(page), {
      healthy: 2,
      draining: 1,
      removed: 0,
      recovering: 0,
      drained: 0,
      leaving: 0,
      unlisted: 0,
    });
    expect(await page.evaluate("document.querySelector('[data-state=draining] .card').known")).toBe(true);
    expect(await textOf(page, "[data-state=draining] .card")).toMatch(/10\.0\.0\.12:6443\s*draining/);
    expect(await page.locator("#events .event").first().textContent()).toContain(
      "10.0.0.12:6443 healthy → draining: status 503",
    );
    expect(await page.title()).toStartWith("degraded · 2/3 in service");
    expect(await page.locator("link[rel=icon]").getAttribute("href")).toBe("page/icon-degraded.svg");
    daemon.status = { ...daemon.status, realServers: daemon.status.realServers.slice(0, 2) };
    await waitForEqual(() => lanes(page), {
      healthy: 1,
      draining: 1,
      removed: 0,
      recovering: 0,
      drained: 0,
      leaving: 0,
      unlisted: 0,
    });
    expect(complaints).toEqual([]);
  });

  test("is all that is touched among 200", async () => {
    daemon = new WebDaemon("127.77.0.15", 200);
    // Ages that stand still for an hour, and checks that are never late.
    const stateSince = new Date(Date.now() - 3.02 * 86_400_000).toISOString();
    const lastVerdict = {
      passed: true,
      reason: "ok",
      latencyMs: 1,
      at: new Date(Date.now() + 3_600_000).toISOString(),
    };
    for (let at = 0; at < 200; at++) daemon.change(at, { stateSince, lastVerdict });
    const { page } = await open(DESK);
    await waitFor(
      () => lanes(page),
      ({ healthy }) => healthy === 200,
    );
    await page.evaluate(WATCH_CARDS);
    daemon.change(150, { activeConnections: 4711 });
    await waitFor(
      () => textOf(page, ".card >> nth=150"),
      (text) => text.includes("4,711 active"),
    );
    expect(await page.evaluate("[...touched]")).toEqual(["10.0.0.161:6443"]);
    daemon.move(20, "draining", "status 503");
    await waitFor(
      () => lanes(page),
      ({ draining }) => draining === 1,
    );
    expect(await page.evaluate("[...touched]")).toEqual(["10.0.0.161:6443", "10.0.0.31:6443"]);
  });

  test("draws the latency of the checks that were seen", async () => {
    const { page } = await openWith(3);
    const line = page.locator(".sparkline .line").first();
    const dots = async (): Promise<number> => ((await line.getAttribute("d")) ?? "").match(/[ML]/g)?.length ?? 0;
    expect(await dots()).toBe(1);
    for (const latencyMs of [2, 5]) {
      daemon.change(0, { lastVerdict: { passed: true, reason: "ok", latencyMs, at: new Date().toISOString() } });
      await waitFor(
        () => textOf(page, ".latency >> nth=0"),
        (text) => text === `${latencyMs}.0 ms`,
      );
    }
    expect(await dots()).toBe(3);
    expect(await page.locator(".sparkline title").first().textContent()).toContain("up to 5.0 ms; 0 failed");
  });

  test("is found by address, state and reason", async () => {
    const { page } = await openWith(3);
    daemon.move(1, "draining", "status 503");
    await waitFor(
      () => lanes(page),
      ({ draining }) => draining === 1,
    );
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.getByRole("searchbox", { name: "Filter" }).focus();
    await page.keyboard.type("DRAINING 503");
    await waitForEqual(() => page.locator(".card:visible .address").allTextContents(), ["10.0.0.12:6443"]);
    expect(await textOf(page, "#shown")).toBe("1 of 3 shown");
    expect(await page.locator(".event:visible").count()).toBe(1);
    await page.keyboard.press("Control+A");
    await page.keyboard.type("nothing like it");
    await waitForEqual(() => page.locator(".card:visible, .event:visible").count(), 0);
  });
});

describe("a daemon", () => {
  test("that went away is said to be gone, and shown as soon as it is back", async () => {
    const { page, complaints } = await openWith(3);
    daemon.move(0, "draining", "status 503");
    await waitFor(
      () => lanes(page),
      ({ draining }) => draining === 1,
    );
    await daemon.stop();
    await waitForEqual(() => textOf(page, "#connection"), "connection lost, trying again");
    expect(await textOf(page, "#stale")).toMatch(/^Connection lost, trying again\. What you see is from \d+s ago\.$/);
    expect(await lanes(page)).toMatchObject({ healthy: 2, draining: 1 });

    // Another run, whose events count from one again.
    daemon.startedAt = new Date().toISOString();
    daemon.events = [];
    daemon.move(0, "healthy", "status 200");
    daemon.start();
    await waitForEqual(() => textOf(page, "#connection"), "live");
    await waitForEqual(() => lanes(page), {
      healthy: 3,
      draining: 0,
      removed: 0,
      recovering: 0,
      drained: 0,
      leaving: 0,
      unlisted: 0,
    });
    expect(await page.locator("#stale").isHidden()).toBe(true);
    const said = await page.locator(".event p").allTextContents();
    expect(said.map((text) => text.replace(/^.*→ /, ""))).toEqual(["healthy: status 200", "draining: status 503"]);
    // The browser itself tells of the connections that failed.
    expect(complaints.filter((complaint) => !complaint.includes("net::ERR_"))).toEqual([]);
  });

  test("that has too many listeners is asked again until there is room", async () => {
    daemon = new WebDaemon("127.77.0.15", 1);
    const others = await Promise.all(Array.from({ length: 32 }, () => fetch(`${daemon.url}/api/v1/stream`)));
    const { page } = await open(DESK);
    await waitForEqual(() => textOf(page, "#connection"), "connection lost, trying again");
    expect(await textOf(page, "#stale")).toContain("Nothing is known yet.");
    await Promise.all(others.map((response) => response.body?.cancel()));
    await waitForEqual(() => textOf(page, "#connection"), "live");
  });

  test("that cannot tell its status is quoted", async () => {
    const { page } = await openWith(3);
    daemon.problem = "the daemon is <b>stopping</b>";
    await waitForEqual(() => textOf(page, "#connection"), "no status");
    expect(await textOf(page, "#stale")).toContain("cannot tell its status: the daemon is <b>stopping</b>.");
    daemon.problem = undefined;
    await waitForEqual(() => textOf(page, "#connection"), "live");
  });
});

test("that it is TCP goes without saying, and anything else is said", async () => {
  const { page } = await openWith(1);
  await waitForEqual(() => textOf(page, "h1"), "10.103.97.12:6443");
  daemon.status = { ...daemon.status, protocol: "udp" };
  daemon.onEvent();
  await waitForEqual(() => textOf(page, "h1"), "udp 10.103.97.12:6443");
  expect(await page.title()).toContain("udp 10.103.97.12:6443");
});

test("what servers say is text, whatever they say", async () => {
  daemon = new WebDaemon("127.77.0.15", 1);
  const hostile = `<img src="x" onerror="document.title='taken'"><script>document.title='taken'</script>\u202E"'&amp;`;
  daemon.change(0, {
    address: `${hostile}:80`,
    lastVerdict: { passed: false, reason: hostile, latencyMs: 1, at: daemon.startedAt },
  });
  daemon.happen({ level: "warn", type: "plan.failed", message: hostile, server: hostile });
  const { daemon: facts } = daemon.status;
  daemon.status = {
    ...daemon.status,
    address: hostile,
    scheduler: hostile,
    dataPlane: { kind: "ipvs", via: hostile, because: hostile },
    reach: { mode: "route", objects: [{ name: hostile, state: "failed", since: hostile, problem: hostile }] },
    ...(facts && { daemon: { ...facts, state: hostile, lastError: { at: hostile, message: hostile } } }),
  };
  const { page, complaints } = await open(DESK);
  await waitForEqual(() => textOf(page, "h1"), hostile);
  await waitFor(() => textOf(page, ".event p"), Boolean);
  expect(await textOf(page, ".card .check")).toContain(hostile);
  expect(await textOf(page, ".event p")).toContain(hostile);
  expect(await textOf(page, "#facts")).toContain(hostile);
  expect(await page.locator("img, body script, b").count()).toBe(0);
  expect(await page.title()).not.toBe("taken");
  expect(complaints).toEqual([]);
});

// --- internal ---

async function open(options: BrowserContextOptions): Promise<WatchedPage> {
  const watched = await openPage(browser, daemon.url, options);
  opened.push(watched);
  return watched;
}

/** Once all are shown. */
async function openWith(count: number): Promise<WatchedPage> {
  daemon = new WebDaemon("127.77.0.15", count);
  const watched = await open(DESK);
  await waitFor(
    () => lanes(watched.page),
    ({ healthy }) => healthy === count,
  );
  return watched;
}

async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().textContent()) ?? "";
}

/** How many cards hang in each lane. */
async function lanes(page: Page): Promise<Record<string, number>> {
  return (await page.evaluate(
    "Object.fromEntries([...document.querySelectorAll('.lane')].map((lane) => [lane.dataset.state, lane.querySelectorAll('.card').length]))",
  )) as Record<string, number>;
}

const TRANSFERS = `Object.fromEntries(
  [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map(({ name, transferSize }) => [new URL(name).pathname, transferSize]))`;

const WATCH_CARDS = `
  globalThis.touched = new Set();
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      for (const node of [target, ...addedNodes]) {
        const card = (node instanceof Element ? node : node.parentElement)?.closest(".card");
        if (card) touched.add(card.querySelector(".address").textContent);
      }
    }
  }).observe(document.querySelector("#lanes"), { subtree: true, childList: true, characterData: true, attributes: true });`;

/** WCAG's relative luminance of a colour as \`getComputedStyle\` tells it. */
const LUMINANCE = `(colour) => {
  const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}`;

/** Texts with less contrast to what is behind them than WCAG asks of small ones. */
const FAINT_TEXTS = `(luminance) => {
  const groundOf = (element) => {
    const ground = getComputedStyle(element).backgroundColor;
    return ground === "rgba(0, 0, 0, 0)" && element.parentElement !== null ? groundOf(element.parentElement) : ground;
  };
  const faint = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() === "" || !element.checkVisibility()) continue;
    const [darker, lighter] = [getComputedStyle(element).color, groundOf(element)].map(luminance).sort((a, b) => a - b);
    if ((lighter + 0.05) / (darker + 0.05) < 4.5) faint.add(element.className + ": " + texts.currentNode.data);
  }
  return [...faint];
}`;
