// One kind of load on one address for three seconds; prints the number that came of it.
export {};

const [target = "", what = ""] = process.argv.slice(2);
const [hostname = "", port = ""] = target.split(":");
const SECONDS = 3;
const endMs = performance.now() + SECONDS * 1000;

if (what === "bytes") console.log(await gigabits());
else if (what === "connections") console.log(await connections(16));
else console.log(await latency());
process.exit(0);

async function gigabits(): Promise<number> {
  let bytes = 0;
  for (let count = 0; count < 4; count++) {
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => void socket.write("GET /bytes HTTP/1.1\r\n\r\n"),
        data: (_, chunk) => void (bytes += chunk.length),
      },
    });
  }
  await Bun.sleep(SECONDS * 1000);
  return (bytes * 8) / SECONDS / 1e9;
}

async function connections(atOnce: number): Promise<number> {
  let done = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < endMs) if (await once()) done++;
    }),
  );
  return done / SECONDS;
}

function once(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write("GET / HTTP/1.1\r\n\r\n"),
      data(socket) {
        resolve(true);
        socket.terminate();
      },
      close: () => resolve(false),
      connectError: () => resolve(false),
    },
  }).catch(() => resolve(false));
  return promise;
}

/** Microseconds of the median request on one kept connection. */
async function latency(): Promise<number> {
  const times: number[] = [];
  let startedMs = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open(socket) {
        startedMs = performance.now();
        socket.write("GET / HTTP/1.1\r\n\r\n");
      },
      data(socket) {
        const nowMs = performance.now();
        times.push(nowMs - startedMs);
        if (nowMs > endMs) return resolve();
        startedMs = nowMs;
        socket.write("GET / HTTP/1.1\r\n\r\n");
      },
    },
  });
  await promise;
  const sorted = times.toSorted((a, b) => a - b);
  return 1000 * (sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
}
