// A server for load: "GET /bytes" streams for as long as it is read, anything else is a small answer.
export {};

const [hostname = "", port = ""] = (process.argv[2] ?? "").split(":");
const CHUNK = Buffer.alloc(256 * 1024, "x");
const SMALL = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Bun.listen<{ streams: boolean }>({
  hostname,
  port: Number(port),
  socket: {
    open: (socket) => void (socket.data = { streams: false }),
    data(socket, bytes) {
      if (bytes.indexOf("GET /bytes") === 0) {
        socket.data.streams = true;
        pour(socket);
      } else socket.write(SMALL);
    },
    drain(socket) {
      if (socket.data.streams) pour(socket);
    },
  },
});

function pour(socket: Bun.Socket<{ streams: boolean }>): void {
  while (socket.write(CHUNK) === CHUNK.length);
}
