import { existsSync, readFileSync } from "node:fs";

/**
 * Runs on a node: asks the API ten times a second through a virtual address, each time on a connection of its own, and looks at the kernel's
 * table. Tells at another address what failed and when weights changed, by the time of day, which all nodes have from this machine.
 */
const [url = "", listen = ""] = process.argv.slice(2);
const [hostname = "", port = ""] = listen.split(":");

const TABLE = "/proc/net/ip_vs";
const asked: { readonly atMs: number; isAnswered: boolean | undefined }[] = [];
const changes: { readonly atMs: number; readonly server: string; readonly weight: number }[] = [];
let before = new Map<string, number>();

Bun.serve({ hostname, port: Number(port), fetch: () => Response.json({ asked, changes }) });
setInterval(look, 20);
setInterval(() => void ask(), 100);

// --- internal ---

function look(): void {
  // Nobody has loaded IPVS yet.
  if (!existsSync(TABLE)) return;
  const rows = readFileSync(TABLE, "utf8").matchAll(/^ {2}-> ([0-9A-F]{8}):[0-9A-F]{4}\s+\S+\s+(\d+)/gm);
  const weights = new Map(Array.from(rows, ([, address = "", weight]) => [address, Number(weight)]));
  const atMs = Date.now();
  for (const server of new Set([...before.keys(), ...weights.keys()])) {
    const weight = weights.get(server) ?? 0;
    if (weight !== (before.get(server) ?? 0)) changes.push({ atMs, server, weight });
  }
  before = weights;
}

async function ask(): Promise<void> {
  const one: (typeof asked)[number] = { atMs: Date.now(), isAnswered: undefined };
  asked.push(one);
  one.isAnswered = await fetch(url, {
    keepalive: false,
    headers: { connection: "close" },
    tls: { rejectUnauthorized: false },
    signal: AbortSignal.timeout(2000),
  }).then(
    async (response) => (await response.arrayBuffer()).byteLength > 0 && response.ok,
    () => false,
  );
}
