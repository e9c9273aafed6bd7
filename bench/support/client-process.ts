// Requests at an even pace, each on a connection of its own and given up after a second; counts those that came to nothing.
export {};

const [target = "", rate = "50"] = process.argv.slice(2);
const [hostname = "", port = ""] = target.split(":");
let failed = 0;
let isCounting = false;
const pending: Promise<void>[] = [];

setInterval(
  () => {
    const done = request();
    if (isCounting) pending.push(done);
  },
  1000 / Number(rate),
);
for await (const line of console) {
  if (line === "begin") {
    failed = 0;
    isCounting = true;
    console.log("begun");
  } else {
    isCounting = false;
    await Promise.all(pending.splice(0));
    console.log(failed);
  }
}

async function request(): Promise<void> {
  const counts = isCounting;
  const isGood = await ask();
  if (counts && !isGood) failed++;
}

function ask(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), 1000);
  Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
      data: (_, bytes) => resolve(bytes.indexOf(" 200 ") > 0),
      close: () => resolve(false),
      connectError: () => resolve(false),
    },
  }).catch(() => resolve(false));
  return promise.finally(() => clearTimeout(timer));
}
