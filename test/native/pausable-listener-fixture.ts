/** Listens where it is told once its standard input says something, answers each client with a byte, and ends with that input. */
import { listenPausably } from "#native";

const [hostname = "", port = ""] = process.argv.slice(2);
// Opened before there are clients, who may take all descriptors.
const input = Bun.stdin.stream().getReader();
await input.read();
listenPausably({
  hostname,
  port: Number(port),
  exclusive: true,
  socket: {
    open: (socket) => void socket.write("!"),
    data: () => undefined,
  },
});
process.stdout.write("listening\n");
for (let { done } = await input.read(); !done; { done } = await input.read());
