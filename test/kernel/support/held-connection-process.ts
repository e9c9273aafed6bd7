import { addressAndPort } from "./address-and-port.ts";

// The other side of held-connection.ts: commands on stdin, an answer to each on stdout.

let state = "closed";

console.log("ready");
for await (const line of console) {
  const [command = "", address = ""] = line.split(" ");
  if (command === "open") await hold(address);
  console.log(state);
}

async function hold(address: string): Promise<void> {
  const socket = await Bun.connect({
    ...addressAndPort(address),
    socket: {
      data: () => undefined,
      error: (_, error) => void (state = error.message),
      close: (_, error) => void (state = (error as NodeJS.ErrnoException | undefined)?.code ?? "closed"),
    },
  });
  state = "open";
  // A header line of a request that never comes to its end.
  setInterval(() => void (state === "open" && socket.write("x")), 200);
}
