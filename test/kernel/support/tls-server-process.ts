import { selfSigned } from "../../probe/http/support/certificates.ts";
import { addressAndPort } from "./address-and-port.ts";

// HTTPS servers at these addresses; the body of their answers to GET /healthz is the address that was asked.

const tls = selfSigned(["localhost"]);
for (const address of process.argv.slice(2)) {
  const { hostname, port } = addressAndPort(address);
  Bun.serve({
    hostname,
    port,
    tls,
    fetch: ({ url }) => new Response(address, { status: new URL(url).pathname === "/healthz" ? 200 : 404 }),
  });
}
console.log("ready");
for await (const _ of console) console.log("still there");
