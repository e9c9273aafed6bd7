/**
 * Runs on a node: makes requests through a virtual address, one after the other and each on a connection of its own, and tells at
 * another address how many were answered, and what went wrong with the others.
 */
const [url = "", listen = ""] = process.argv.slice(2);
const [hostname = "", port = ""] = listen.split(":");

const failures: string[] = [];
let answered = 0;

Bun.serve({ hostname, port: Number(port), fetch: () => Response.json({ answered, failures }) });

for (;;) {
  try {
    const response = await fetch(url, {
      keepalive: false,
      headers: { connection: "close" },
      tls: { rejectUnauthorized: false },
      signal: AbortSignal.timeout(10_000),
    });
    await response.arrayBuffer();
    if (response.ok) answered++;
    else failures.push(`status ${response.status}`);
  } catch (error) {
    failures.push(String(error));
  }
}
