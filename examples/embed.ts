// A program that cares for virtual servers of its own, and goes on with other ones while they serve.
import { createLvscare, type LvscareConfig } from "lvscare";

const serve = (name: string) => Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(name) });
using one = serve("one");
using two = serve("two");
const [first, second] = [`127.0.0.1:${one.port}`, `127.0.0.1:${two.port}`];

const address = process.argv[2] ?? "127.0.0.1:18080";
const config = (...realServers: readonly string[]): LvscareConfig => ({
  defaults: {
    dataPlane: "userspace",
    interval: "200ms",
    probe: { type: "http", scheme: "http", path: "/", connectTimeout: "1s" },
  },
  virtualServers: [{ name: "web", address, scheduler: "wrr", realServers }],
});

await using lvscare = createLvscare(config(first));
await lvscare.start();
const ask = async (): Promise<void> => {
  console.log("answered by", await (await fetch(`http://${address}/`, { keepalive: false })).text());
};

// Clients get to the first one as soon as it has proved itself; then it makes way for the second one.
for await (const { to, server, message } of lvscare.events({ virtualServer: "web" })) {
  if (to === undefined) continue;
  console.log(message);
  if (server === first && to === "healthy") {
    await ask();
    const { changes } = await lvscare.update(config(first, second));
    console.log(changes.join("\n"));
  }
  if (server === second && to === "healthy") break;
}
await lvscare.drain(first);
await ask();
console.log((await lvscare.check(second)).verdict.reason);
