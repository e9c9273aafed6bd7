// A program that cares for a virtual server of its own: two real servers behind one address, one of which goes away.
import { createCare } from "lvscare";

const [first, second] = ["one", "two"].map((name) =>
  Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(`${name}\n`) }),
);

const vs = process.argv[2] ?? "127.0.0.1:18080";
const care = createCare({
  vs,
  rs: [`127.0.0.1:${first?.port}`, `127.0.0.1:${second?.port}`],
  dataPlane: "userspace",
  healthSchem: "http",
  healthPath: "/",
  interval: "200ms",
});

const healthy = Promise.withResolvers<void>();
const gone = Promise.withResolvers<void>();
let isIn = 0;
care.onEvent((event) => {
  if (event.type !== "realServer.healthChanged") return;
  console.log(`${event.from} → ${event.to}: ${event.reason}`);
  if (event.to === "healthy" && ++isIn === 2) healthy.resolve();
  if (event.to === "removed") gone.resolve();
});

await care.start();
await healthy.promise;
await second?.stop(true);
await gone.promise;
console.log("answered by", await (await fetch(`http://${vs}/`, { keepalive: false })).text());
const { realServers } = await care.status();
console.log(realServers.map(({ state }) => state).join(" "));

await care.stop();
await first?.stop(true);
