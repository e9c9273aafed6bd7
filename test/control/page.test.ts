import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { NO_TRAFFIC } from "../../src/domain/virtual-server.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { launchBrowser, openPage, type WatchedPage } from "./support/browser.ts";
import { BusyDaemon } from "./support/busy-daemon.ts";
import { PretendedDaemon } from "./support/pretended-daemon.ts";
import { WebDaemon } from "./support/web-daemon.ts";

setDefaultTimeout(120_000);

const FAILED = { passed: false as const, reason: "status 503", latencyMs: 1, at: new Date().toISOString() };

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 } };
/** Of windows, on both sides of each at which the page is laid out otherwise. */
const WIDTHS = [320, 360, 639, 640, 800, 1023, 1024, 1100, 1200, 1280, 1343, 1344, 1920];

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
      count === 3
        ? "0 of 3 in service · 2 failed · 1 drained"
        : `${count - 3} of ${count} in service · only ${count - 3} healthy · 2 failed · 1 drained`,
    );
    expect(await textOf(page, "#pill")).toBe(count === 3 ? "nobody serves" : "fail-open");
    expect(await states(page)).toEqual({
      removed: 1,
      draining: 1,
      drained: 1,
      ...(count > 3 && { healthy: count - 3 }),
    });
    // Failures first, then what is on purpose.
    expect(await page.locator(".server .state").allTextContents()).toEqual([
      "removed",
      "draining",
      "drained",
      ...Array.from({ length: count - 3 }, () => "healthy"),
    ]);
    expect(await textOf(page, ".server[data-state=draining] .note")).toContain("connect timed out after 3s");
    expect(await textOf(page, ".server[data-state=drained] .note")).toMatch(
      /^for 3m\d+s drained by an operator; weight 5/,
    );
    expect(await textOf(page, "#notices")).toContain(`only 1 of ${count} real servers are healthy`);
    expect(await textOf(page, "#notices")).toContain(`none of ${count} real servers is healthy, so 1 that`);
    // A few are cards, many are a table.
    expect(await page.locator(".head").isVisible()).toBe(count > 12);
    expect(await page.locator("#events .event").count()).toBe(2);
    const luminance = Number(await page.evaluate(`(${LUMINANCE})(getComputedStyle(document.body).backgroundColor)`));
    expect(luminance > 0.5 ? "light" : "dark").toBe(colorScheme);
    expect(await page.evaluate(`(${FAINT_TEXTS})(${LUMINANCE})`)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("fits every width, whatever it is told", async () => {
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
    await waitFor(
      () => textOf(page, ".server .why:not(:empty)"),
      (text) => text.includes(long.slice(0, 100)),
    );
    expect(await widthsTooNarrow(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("needs less than 100 KB for what is seen first", async () => {
    daemon = new WebDaemon("127.77.0.15", count);
    const { page } = await open(DESK);
    await waitFor(
      () => states(page),
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
    await page.evaluate("document.querySelectorAll('.server')[1].known = true");
    daemon.move(1, "draining", "status 503");
    await waitForEqual(() => states(page), { healthy: 2, draining: 1 });
    expect(await page.evaluate("document.querySelector('.server[data-state=draining]').known")).toBe(true);
    // Before all that are well.
    expect(await textOf(page, ".server")).toMatch(/draining\s*10\.0\.0\.12:6443/);
    expect(await page.locator("#events .event").first().textContent()).toContain(
      "10.0.0.12:6443 healthy → draining: status 503",
    );
    expect(await page.title()).toStartWith("degraded · 2/3 in service");
    expect(await page.locator("link[rel=icon]").getAttribute("href")).toBe("page/icon-degraded.svg");
    daemon.status = { ...daemon.status, realServers: daemon.status.realServers.slice(0, 2) };
    await waitForEqual(() => states(page), { healthy: 1, draining: 1 });
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
      () => states(page),
      ({ healthy }) => healthy === 200,
    );
    // Two looks at the totals make a rate.
    await waitFor(
      () => textOf(page, ".server >> nth=199 >> .rate .value"),
      (text) => text === "0",
    );
    await page.evaluate(WATCH_CARDS);
    daemon.change(150, { activeConnections: 4711 });
    await waitFor(
      () => textOf(page, ".server >> nth=150"),
      (text) => text.includes("4,711"),
    );
    expect(await page.evaluate("[...touched]")).toEqual(["10.0.0.161:6443"]);
    daemon.move(20, "draining", "status 503");
    await waitFor(
      () => states(page),
      ({ draining }) => draining === 1,
    );
    expect(await page.evaluate("[...touched]")).toEqual(["10.0.0.161:6443", "10.0.0.31:6443"]);
  });

  test("has the last checks from the daemon, and each new one", async () => {
    daemon = new WebDaemon("127.77.0.15", 3);
    const check = (passed: boolean, latencyMs: number): void =>
      daemon.checks.note("10.0.0.11:6443", { passed, reason: "", latencyMs }, 0);
    for (let at = 0; at < 70; at++) check(at !== 69, 1);
    const { page } = await open(DESK);
    const said = (): Promise<string> => textOf(page, ".server .checks .aside");
    await waitForEqual(said, "59 of the last 60 checks passed");
    expect(await columns(page)).toEqual({ passed: 59, failed: 1 });
    expect(await textOf(page, "#legend")).toContain("0.50 ms to 5.0 ms");
    expect(await textOf(page, ".server:nth-child(2) .checks .aside")).toBe("no checks yet");
    check(false, 3000);
    check(true, 40);
    await waitForEqual(said, "58 of the last 60 checks passed");
    expect(await columns(page)).toEqual({ passed: 58, failed: 2 });
    await waitFor(
      () => textOf(page, "#legend"),
      (text) => text.includes("0.50 ms to 50 ms"),
    );
  });

  test("tells how many connections and bytes each gets, and what share that is", async () => {
    daemon = new WebDaemon("127.77.0.15", 3);
    const { page } = await open(DESK);
    const grow = (): void => {
      for (const [at, more] of [30, 10, 0].entries()) {
        const { stats = NO_TRAFFIC } = daemon.status.realServers[at] ?? {};
        daemon.change(at, {
          stats: { ...stats, connections: stats.connections + more, outBytes: stats.outBytes + more * 1000 },
        });
      }
    };
    daemon.whenRead = grow;
    await waitForEqual(() => page.locator(".share .value").allTextContents(), ["75 %", "25 %", "0 %"]);
    // Where the browser was held up, it got several readings at once at first.
    await waitFor(
      async () => Number(await textOf(page, ".rate .value")),
      (rate) => rate >= 1 && rate < 100,
    );
    expect(await textOf(page, ".traffic .value")).toEndWith("kB");
  });

  test("is known of one in full when it is opened, with the commands to copy", async () => {
    daemon = new WebDaemon("127.77.0.15", 3);
    daemon.move(1, "draining", "status 503");
    daemon.failures = [{ reason: "status 503", since: daemon.startedAt, at: daemon.startedAt, count: 12 }];
    daemon.change(1, {
      checks: [{ name: "agent", state: "up", reason: "answered up" }],
      lastVerdict: {
        passed: false,
        reason: "status 503",
        latencyMs: 3,
        at: daemon.startedAt,
        timings: { connectMs: 1.5, firstByteMs: 1.4 },
      },
      certificate: {
        subject: "kubernetes",
        issuer: "our own",
        names: ["api.example"],
        fingerprint: "AA:BB",
        notBefore: daemon.startedAt,
        notAfter: new Date(Date.now() + 40.5 * 86_400_000).toISOString(),
      },
    });
    const { page, complaints } = await open(DESK);
    await page.locator(".server summary").first().focus();
    await page.keyboard.press("Enter");
    const text = async (): Promise<string> =>
      (await page.locator(".server details[open] .more").innerText()).replaceAll("\n", " ");
    await waitFor(text, (all) => all.includes("SHA-256"));
    const all = await text();
    for (const part of [
      "failed: status 503",
      "connect 1.5 ms",
      "first byte 1.4 ms",
      "agent up: answered up",
      "status 503 (12 times)",
      "healthy → draining: status 503",
      "(40 days)",
      "api.example",
      "lvscare check 10.0.0.12:6443",
      "lvscare drain 10.0.0.12:6443",
    ]) {
      expect(all).toContain(part);
    }
    // What is open follows at once, and not only when it is asked for again.
    await page.evaluate("for (let id = 1; id < 1000; id++) clearInterval(id)");
    daemon.move(1, "removed", "connect refused");
    await waitFor(text, (all) => all.includes("draining → removed: connect refused"));
    daemon.move(1, "healthy", "status 200");
    await waitFor(text, (all) => all.includes("removed → healthy: status 200"));
    await page.evaluate(NOTE_ANSWERS);
    await page.getByRole("button", { name: "Copy the command to drain it" }).click();
    await waitFor(
      () => page.evaluate("answers[0]"),
      (said) => said === "Copied" || said === "Selected",
    );
    expect(complaints).toEqual([]);
  });

  test("is one entry of the timeline where many did the same, with how long they were out", async () => {
    daemon = new WebDaemon("127.77.0.15", 30);
    for (let at = 0; at < 30; at++) daemon.move(at, "removed", "connect refused");
    const { page } = await open(DESK);
    const entries = (): Promise<string[]> => page.locator(".event p").allInnerTexts();
    await waitFor(entries, ([first = ""]) =>
      /^30 servers healthy → removed: connect refused\s+10\.0\.0\.11:6443, .* and 25 more$/.test(first),
    );
    for (let at = 0; at < 3; at++) daemon.move(at, "healthy", "status 200");
    await waitFor(entries, ([first = ""]) =>
      /^3 servers removed → healthy: status 200 \(.*the longest out for \d+s\)/.test(first),
    );
    expect(await page.locator(".event").count()).toBe(2);
  });

  test("is found by address, state and reason", async () => {
    const { page } = await openWith(3);
    daemon.move(1, "draining", "status 503");
    await waitFor(
      () => states(page),
      ({ draining }) => draining === 1,
    );
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.getByRole("searchbox", { name: "Filter" }).focus();
    await page.keyboard.type("DRAINING 503");
    await waitForEqual(() => page.locator(".server:visible .address").allTextContents(), ["10.0.0.12:6443"]);
    expect(await textOf(page, "#shown")).toBe("1 of 3 servers");
    expect(await page.locator(".event:visible").count()).toBe(1);
    await page.keyboard.press("Control+A");
    await page.keyboard.type("nothing like it");
    await waitForEqual(() => page.locator(".server:visible, .event:visible").count(), 0);
  });
});

describe("a daemon", () => {
  test("that went away is said to be gone, and shown as soon as it is back", async () => {
    const { page, complaints } = await openWith(3);
    daemon.move(0, "draining", "status 503");
    await waitFor(
      () => states(page),
      ({ draining }) => draining === 1,
    );
    await daemon.stop();
    await waitForEqual(() => textOf(page, "#connection"), "connection lost, trying again");
    expect(await textOf(page, "#stale")).toMatch(/^Connection lost, trying again\. What you see is from \d+s ago\.$/);
    expect(await states(page)).toMatchObject({ healthy: 2, draining: 1 });
    expect(await textOf(page, "#pill")).toBe("was degraded");
    expect(await page.title()).toStartWith("connection lost, trying again · 2/3 in service");

    // Another run, whose events count from one again.
    daemon.startedAt = new Date().toISOString();
    daemon.events = [];
    daemon.move(0, "healthy", "status 200");
    daemon.start();
    await waitForEqual(() => textOf(page, "#connection"), "live");
    await waitForEqual(() => states(page), { healthy: 3 });
    expect(await page.locator("#stale").isHidden()).toBe(true);
    const said = await page.locator(".event p").allTextContents();
    expect(said.map((text) => text.replace(/^.*→ /, ""))).toEqual([
      expect.stringMatching(/^healthy: status 200/),
      "draining: status 503",
    ]);
    expect(await textOf(page, "#pill")).toBe("serving");
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

test("all virtual servers of a daemon are seen at once, the worst first, and each leads to its own", async () => {
  const all = Array.from({ length: 3 }, (_, at) => {
    const one = new PretendedDaemon(3);
    one.status = { ...one.status, address: `10.103.97.${12 + at}:6443`, ...(at === 2 && { name: "web" }) };
    return one;
  });
  const [, other, worst] = all;
  if (worst === undefined || other === undefined) throw new Error("there are three");
  for (const at of [0, 1, 2]) worst.change(at, { state: "removed", health: "removed", weight: 0, lastVerdict: FAILED });
  other.change(0, { state: "removed", health: "removed", weight: 0, lastVerdict: FAILED });
  daemon = new WebDaemon("127.77.0.15", 1);
  await daemon.stop();
  const busy = new BusyDaemon("127.77.0.15", all);
  try {
    const { page, complaints } = await open(DESK);
    await waitForEqual(
      () => page.locator(".virtual-server .pill").allTextContents(),
      ["nobody serves", "degraded", "serving"],
    );
    expect(await textOf(page, "#pill")).toBe("2 of 3 in trouble");
    expect(await page.title()).toStartWith("nobody · 1/3 · 1 degraded · 1 serving");
    expect(await page.locator(".virtual-server .summary").allTextContents()).toEqual([
      "0 of 3 in service · 3 failed",
      "2 of 3 in service · 1 failed",
      "3 of 3 in service",
    ]);
    expect(await page.locator(".virtual-server .checks .aside").first().textContent()).toBe(
      "checks failed in 60 of the last 60 turns",
    );
    other.change(0, { state: "healthy", health: "healthy", weight: 1, lastVerdict: { ...FAILED, passed: true } });
    await waitForEqual(() => textOf(page, "#pill"), "1 of 3 in trouble");
    await page.getByRole("link", { name: "web" }).click();
    await waitForEqual(() => textOf(page, "h1"), "web 10.103.97.14:6443");
    expect(await textOf(page, "#pill")).toBe("nobody serves");
    await page.getByRole("link", { name: "All virtual servers" }).click();
    await waitForEqual(() => page.locator(".virtual-server").count(), 3);
    expect(await widthsTooNarrow(page)).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await busy[Symbol.asyncDispose]();
  }
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
  expect(await textOf(page, ".server .why")).toContain(hostile);
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

/** The widths at which a part of it lies beside the window, with how wide it would have to be. */
async function widthsTooNarrow(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 740 });
    const needed = Number(await page.evaluate("document.documentElement.scrollWidth"));
    if (needed > width) found.push(`${width}: ${needed}`);
  }
  return found;
}

/** Once all are shown. */
async function openWith(count: number): Promise<WatchedPage> {
  daemon = new WebDaemon("127.77.0.15", count);
  const watched = await open(DESK);
  await waitFor(
    () => states(watched.page),
    ({ healthy }) => healthy === count,
  );
  return watched;
}

async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().textContent()) ?? "";
}

/** How many are shown in each state. */
async function states(page: Page): Promise<Record<string, number>> {
  return (await page.evaluate(
    "[...document.querySelectorAll('.server')].reduce((all, { dataset: { state } }) => ({ ...all, [state]: (all[state] ?? 0) + 1 }), {})",
  )) as Record<string, number>;
}

/** How many checks are drawn, by what became of them. */
async function columns(page: Page): Promise<Record<string, number>> {
  return (await page.evaluate(
    "Object.fromEntries(['passed', 'failed'].map((what) => [what, document.querySelector('.server .' + what).getAttribute('d').match(/M/g).length]))",
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
        const card = (node instanceof Element ? node : node.parentElement)?.closest(".server");
        if (card) touched.add(card.querySelector(".address").textContent);
      }
    }
  }).observe(document.querySelector(".servers"), { subtree: true, childList: true, characterData: true, attributes: true });`;

/** A button says for two seconds what it did, which a look now and then may miss. */
const NOTE_ANSWERS = `
  globalThis.answers = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const button = (target instanceof Element ? target : target.parentElement)?.closest(".command:last-child button");
      if (button) answers.push(button.textContent);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });`;

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
