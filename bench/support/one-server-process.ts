// A real server at port 80 of its host; SIGUSR2 makes it answer 500, and 200 again.

let status = "200 OK";
process.on("SIGUSR2", () => {
  status = status === "200 OK" ? "500 Broken" : "200 OK";
});
Bun.listen({
  hostname: "0.0.0.0",
  port: 80,
  socket: {
    data(socket, bytes) {
      const answer = `HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`;
      if (bytes.indexOf("HTTP/1.0") > 0 || bytes.indexOf("Connection: close") > 0) socket.end(answer);
      else socket.write(answer);
    },
  },
});
