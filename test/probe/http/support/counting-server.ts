import { rawServer, type RawServer, type RawServerOptions, type RawSocket } from "./raw-server.ts";

export interface CountingOptions extends Omit<RawServerOptions, "onOpen"> {
  /** Instead of the response. */
  readonly onRequest?: (socket: RawSocket) => void;
}

/** A server that gives the response to every request, and knows of its connections: how many there were, and which stand. */
export function counting(
  response: string | (() => string),
  { onRequest, ...options }: CountingOptions = {},
): { server: RawServer; connections: () => number; sockets: Set<RawSocket> } {
  const sockets = new Set<RawSocket>();
  let connections = 0;
  const answer = onRequest ?? ((socket) => void socket.write(typeof response === "string" ? response : response()));
  const server = rawServer(answer, {
    ...options,
    onOpen: (socket) => {
      connections++;
      sockets.add(socket);
      socket.data.onClose = () => sockets.delete(socket);
    },
  });
  return { server, connections: () => connections, sockets };
}
