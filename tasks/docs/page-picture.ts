import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { launchBrowser } from "../../test/control/support/browser.ts";
import { waitFor } from "../../test/kernel/support/wait-for.ts";
import { Stage } from "../demo/stage.ts";

/** The page of a real daemon with three servers and a client, one of which has just died, as a browser shows it. */
export async function takePicture(file: string): Promise<void> {
  const stage = new Stage(`${ADDRESS}:${PORT}`, new AbortController().signal);
  const browser = await launchBrowser();
  const leaving = new AbortController();
  try {
    for (const [index, server] of SERVERS.entries()) stage.startEcho(`echo-${index + 1}`, Number(server.split(":")[1]));
    stage.startCare([
      ...SERVERS.flatMap((server) => ["--rs", server]),
      ...["--interval=1", "--health-schem=http", "--health-path=/", "--mode=none"],
      ...["--http-listen", `${ADDRESS}:${PORT + 1}`],
    ]);
    await waitFor(
      () => stage.status(),
      (status) => status?.inService?.count === SERVERS.length,
    );
    const asking = ask(leaving.signal);
    const page = await browser.newPage({ viewport: { width: 1200, height: 640 }, colorScheme: "light" });
    await page.goto(`http://${ADDRESS}:${PORT + 1}/`);
    await waitFor(
      () => stage.status(),
      (status) => (status?.stats.connections ?? 0) > ENOUGH_CONNECTIONS,
      {
        timeoutMs: 180_000,
      },
    );
    await stage.kill("echo-2", "SIGKILL");
    await page.getByText("removed").first().waitFor();
    await mkdir(dirname(file), { recursive: true });
    await page.screenshot({ path: file });
    leaving.abort();
    await asking;
  } finally {
    leaving.abort();
    await browser.close();
    await stage.clear();
  }
}

// --- internal ---

const ADDRESS = "127.77.0.9";
const PORT = 18_090;
const SERVERS = ["127.0.0.1:18081", "127.0.0.1:18082", "127.0.0.1:18083"];
/** By then each server was checked some sixty times. */
const ENOUGH_CONNECTIONS = 2000;

/** A client that asks some forty times a second. */
async function ask(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const headers = { connection: "close" };
    await fetch(`http://${ADDRESS}:${PORT}/`, { headers, keepalive: false, proxy: "" }).then(
      (response) => response.text(),
      () => undefined,
    );
    await Bun.sleep(25);
  }
}
