import type { Socket, SocketHandler } from "bun";

/** The handler of one socket's events. It may be replaced during the socket's life. */
export interface SocketEvents {
  /** The socket exists. On a connecting socket this comes before the handshake. */
  opened?(socket: EventSocket): void;
  received(chunk: Uint8Array): void;
  /** The socket takes bytes again. On a connecting socket: it is connected. Also comes without a reason. */
  writable(): void;
  /** The peer has sent FIN. */
  ended(): void;
  /** The socket is gone: by both FINs when there is no error, else by a reset, a failure or our own `terminate`. */
  closed(error: Error | undefined): void;
}

export type EventSocket = Socket<SocketEvents>;
/** -1 once it is closed. The runtime's types (Bun 1.4.5) leave it out. */
export function descriptorOf(socket: EventSocket): number {
  return (socket as EventSocket & { readonly fd?: number }).fd ?? -1;
}

export type EventHandlers = SocketHandler<SocketEvents>;

/**
 * Passes the events of a socket to the handler in its `data`. What that throws goes to `fault`, and the connection
 * ends.
 */
export function socketHandlers(fault: (error: Error) => void): EventHandlers {
  return {
    open: (socket) => socket.data.opened?.(socket),
    data: (socket, chunk) => socket.data.received(chunk),
    drain: (socket) => socket.data.writable(),
    end: (socket) => socket.data.ended(),
    close: (socket, error) => socket.data.closed(error),
    error(socket, error) {
      fault(error);
      socket.terminate();
    },
  };
}
