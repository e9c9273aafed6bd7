// One listener that plays any number of healthy HTTP servers: on every address of 127.0.0.0/8, port 9090.
// With "tls" they speak HTTPS. Commands on stdin: "down" kills all of them, "up" brings them back, "reset" forgets and "report" prints what was asked since.
import { selfSigned } from "../../test/probe/http/support/certificates.ts";

const tls = process.argv.includes("tls") ? { tls: selfSigned(["127.0.0.1"]) } : {};

const OK = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

interface Asked {
  count: number;
  lastMs: number;
}

interface Visit {
  readonly server: Asked;
  isAsked: boolean;
}

let met = 0;

const asked = new Map<string, Asked>();
let gapsMs: number[] = [];

const listen = () =>
  Bun.listen<Visit>({
    hostname: "0.0.0.0",
    port: 9090,
    ...tls,
    socket: {
      open(socket) {
        const server = asked.get(socket.localAddress) ?? { count: 0, lastMs: Number.NaN };
        asked.set(socket.localAddress, server);
        socket.data = { server, isAsked: false };
        met++;
      },
      data(socket, bytes) {
        if (socket.data.isAsked) met++;
        socket.data.isAsked = true;
        note(socket.data.server);
        // keepalived asks in HTTP/1.0 and waits for the end.
        if (bytes.indexOf("HTTP/1.0") > 0) socket.end(OK);
        else socket.write(OK);
      },
    },
  });

let listener = listen();
console.log("listening");
for await (const command of console) {
  if (command === "down") listener.stop(true);
  else if (command === "up") listener = listen();
  else if (command === "reset") {
    gapsMs = [];
    for (const server of asked.values()) server.count = 0;
  } else if (command === "report") {
    const nowMs = performance.now();
    const counts = [...asked.values()].map(({ count }) => count);
    const silent = [...asked.values()].map(({ lastMs }) => nowMs - lastMs);
    console.log(
      JSON.stringify({
        met,
        requests: counts.reduce((sum, count) => sum + count, 0),
        fewest: Math.min(...counts),
        longestSilenceMs: Math.max(...silent),
        gapsMs: gapsMs.toSorted((a, b) => b - a).slice(0, Math.ceil(gapsMs.length / 100)),
      }),
    );
  }
}
// Whoever started it is gone.
process.exit(0);

// --- internal ---

function note(server: Asked): void {
  const nowMs = performance.now();
  if (server.count > 0) gapsMs.push(nowMs - server.lastMs);
  server.count++;
  server.lastMs = nowMs;
}
