/** `bun echo-server.ts <name> <port>`: answers each request with its name. */
const [name = "echo", port = "0"] = process.argv.slice(2);
Bun.serve({ hostname: "127.0.0.1", port: Number(port), fetch: () => new Response(`${name}\n`) });
