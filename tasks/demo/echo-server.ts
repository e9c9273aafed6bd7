/** `bun echo-server.ts <name> <address>:<port>`: answers each request with its name. */
const [name = "echo", listen = ""] = process.argv.slice(2);
const [hostname = "", port = ""] = listen.split(":");
Bun.serve({ hostname, port: Number(port), fetch: () => new Response(`${name}\n`) });
