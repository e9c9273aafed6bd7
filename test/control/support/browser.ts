import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { BROWSER, installMissingPackages } from "../../kernel/harness/packages.ts";
import { PATIENCE_MS } from "../../kernel/support/wait-for.ts";

/** Debian's: no other is downloaded. */
export async function launchBrowser(): Promise<Browser> {
  await installMissingPackages([BROWSER]);
  return startBrowser();
}

/** As root it has no sandbox, and it sees pages of ours only. `executablePath` may lead to something that starts it elsewhere. */
export function startBrowser(executablePath = BROWSER.file, timeoutMs = PATIENCE_MS): Promise<Browser> {
  return chromium.launch({
    executablePath,
    timeout: timeoutMs,
    chromiumSandbox: false,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page, and all that a browser complains of meanwhile. */
export interface WatchedPage {
  readonly page: Page;
  /** Console messages, uncaught errors, violations of the policy and requests to elsewhere. */
  readonly complaints: string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  timeoutMs = PATIENCE_MS,
): Promise<WatchedPage> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(timeoutMs);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`)) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(`${url}/`);
  return { page, complaints };
}
