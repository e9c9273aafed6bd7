// One listener that plays any number of healthy HTTP servers: on every address of 127.0.0.0/8, port 9090.

const OK = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
let requests = 0;
Bun.listen({
  hostname: "0.0.0.0",
  port: 9090,
  socket: {
    data(socket, bytes) {
      requests++;
      // keepalived asks in HTTP/1.0 and waits for the end.
      if (bytes.indexOf("HTTP/1.0") > 0) socket.end(OK);
      else socket.write(OK);
    },
  },
});
setInterval(() => {
  console.log(`farm: ${requests / 10} requests a second`);
  requests = 0;
}, 10_000);
