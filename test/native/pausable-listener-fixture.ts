/** Listens where it is told, and answers each client with a byte; ends with its standard input. */
import { listenPausably } from "#native";

const [hostname = "", port = ""] = process.argv.slice(2);
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
await Bun.stdin.text();
