import { join } from "node:path";
import { waitFor } from "../test/kernel/support/wait-for.ts";
import { launchBrowser, openPage } from "../test/control/support/browser.ts";
import { BusyDaemon } from "../test/control/support/busy-daemon.ts";
import { PretendedDaemon } from "../test/control/support/pretended-daemon.ts";

/** `bun run picture`: takes the README's picture of the page, with servers that are made up for it. */
const PICTURE = join(import.meta.dir, "..", "docs", "images", "page.png");
const LARGEST_BYTES = 120_000;

await using daemon = new BusyDaemon("127.77.0.17", [troubled()]);
const browser = await launchBrowser();
try {
  const { page } = await openPage(browser, daemon.url, { viewport: { width: 1100, height: 500 } });
  // Rates are known once every server was checked again.
  await waitFor(
    () => page.locator(".server[data-state=healthy] .rate .value").allTextContents(),
    (rates) => rates.length > 0 && rates.every((rate) => Number(rate) > 0),
  );
  const { byteLength } = await page.screenshot({ path: PICTURE });
  if (byteLength > LARGEST_BYTES) throw new Error(`${PICTURE} has ${byteLength} bytes, more than ${LARGEST_BYTES}`);
  console.log(`${PICTURE} has ${byteLength} bytes`);
} finally {
  await browser.close();
}

// --- internal ---

/** One of sixteen is out, one comes back, and one is drained. */
function troubled(): PretendedDaemon {
  const one = new PretendedDaemon(16);
  const { daemon: facts } = one.status;
  if (facts === undefined) throw new Error("there is no daemon");
  const probes = [{ type: "https", path: "/readyz", timeoutMs: 2000 }];
  one.status = { ...one.status, daemon: { ...facts, host: "node-7", probes } };
  const days = (count: number): string => new Date(Date.now() - count * 86_400_000).toISOString();
  for (const at of one.status.realServers.keys()) one.change(at, { stateSince: days(3 + at) });
  one.move(4, "draining", "status 503");
  one.move(4, "removed", "status 503");
  one.move(9, "draining", "connect timed out after 2s");
  const hold = { since: days(0.1), drained: true, by: "alice" };
  one.change(11, { state: "drained", health: "healthy", weight: 0, hold, stateSince: hold.since });
  return one;
}
