import { closeFd, openTcpSocket } from "#native";
import { libc } from "../../../../native/libc.ts";
import { addressBytes, type Endpoint } from "../../../../src/domain/endpoint.ts";
import { eventually } from "./descriptors.ts";
import { readFileSync } from "node:fs";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

export interface BlackHole extends Disposable {
  readonly endpoint: Endpoint;
}

/** A listener whose queue is full and which accepts nobody: the kernel drops every further SYN, as a dead host's network would. */
export async function blackHole(): Promise<BlackHole> {
  const endpoint: Endpoint = { family: "ipv4", address: "127.0.0.77", port: freePort("127.0.0.77") };
  const listener = libc().socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const address = new Uint8Array(new ArrayBuffer(16));
  new DataView(address.buffer).setUint16(0, AF_INET, true);
  new DataView(address.buffer).setUint16(2, endpoint.port, false);
  address.set(addressBytes(endpoint.address), 4);
  if (libc().bind(listener, address, address.byteLength) < 0 || libc().listen(listener, 0) < 0) {
    throw new Error("no black hole: the address cannot be listened on");
  }
  // A queue of length 0 holds one connection.
  const filler = openTcpSocket(endpoint);
  if (!(await eventually(() => isEstablished(endpoint.port))))
    throw new Error("no black hole: the queue does not fill");
  return {
    endpoint,
    [Symbol.dispose]: () => {
      closeFd(filler);
      closeFd(listener);
    },
  };
}

// --- internal ---

function freePort(hostname: string): number {
  const listener = Bun.listen({ hostname, port: 0, socket: { data: () => undefined } });
  listener.stop(true);
  return listener.port;
}

/** Whether the table of this kernel holds a connection to the port: state 01 (proc(5), /proc/net/tcp). */
function isEstablished(port: number): boolean {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")} 01 `;
  return readFileSync("/proc/self/net/tcp", "utf8").includes(remote);
}
