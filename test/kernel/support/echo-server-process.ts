import type { Socket, TCPSocketListener } from "bun";
import { addressAndPort } from "./address-and-port.ts";

// The other side of echo-server.ts: commands on stdin, an answer to each on stdout.

const listeners = new Map<string, TCPSocketListener<string>>();
const connections: Record<string, number> = {};

console.log("ready");
for await (const line of console) {
  const [command = "", ...addresses] = line.split(" ");
  try {
    console.log(execute(command, addresses));
  } catch (error) {
    console.log(`${line}: ${String(error)}`);
  }
}

function execute(command: string, addresses: readonly string[]): string {
  if (command === "connections") return JSON.stringify(connections);
  for (const address of addresses) {
    if (command === "open") listeners.set(address, open(address));
    else listeners.get(address)?.stop(true);
  }
  return "done";
}

function open(address: string): TCPSocketListener<string> {
  connections[address] ??= 0;
  return Bun.listen<string>({
    ...addressAndPort(address),
    data: "",
    socket: {
      open(socket) {
        socket.data = "";
        connections[address] = (connections[address] ?? 0) + 1;
      },
      data(socket, chunk) {
        socket.data += chunk.toString();
        if (socket.data.includes("\r\n\r\n")) answer(socket, address);
      },
    },
  });
}

function answer(socket: Socket<string>, body: string): void {
  socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
}
