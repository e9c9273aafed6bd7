import { addressAndPort } from "./address-and-port.ts";

// The other side of agents.ts: commands on stdin, an answer to each on stdout.

const lines = new Map<string, string>();
const listeners = new Map<string, Bun.TCPSocketListener<undefined>>();

console.log("ready");
for await (const order of console) {
  const [, command = "", address = "", line = ""] = /^(\S+) (\S+) ?(.*)$/.exec(order) ?? [];
  try {
    if (command === "say") say(address, line);
    else stop(address);
    console.log("done");
  } catch (error) {
    console.log(`${order}: ${String(error)}`);
  }
}

function say(address: string, line: string): void {
  lines.set(address, line);
  if (listeners.has(address)) return;
  const listener = Bun.listen<undefined>({
    ...addressAndPort(address),
    socket: {
      open: (socket) => void socket.end(`${lines.get(address) ?? ""}\n`),
      data: () => undefined,
      error: () => undefined,
    },
  });
  listeners.set(address, listener);
}

function stop(address: string): void {
  listeners.get(address)?.stop(true);
  listeners.delete(address);
}
