import type { TCPSocketListenOptions } from "bun";
import { formatEndpoint, hostCidr, type Endpoint } from "../../domain/endpoint.ts";
import { errnoOf, LvscareError } from "../../domain/errors.ts";
import type { EventHandlers, EventSocket, SocketEvents } from "./socket-events.ts";

/** Clients that come while it is paused wait in the kernel's queue. */
export interface ClientListener {
  pause(): void;
  resume(): void;
  /** Waiting clients are refused; connections stay. */
  stop(): void;
}

/** Listens, and throws as `Bun.listen` does. */
export type Listen = (options: TCPSocketListenOptions<SocketEvents>) => ClientListener;

/** Listens on a virtual server's endpoint; `accept` becomes the owner of each socket and sets its `data`. */
export function listenOn(
  endpoint: Endpoint,
  listen: Listen,
  handlers: EventHandlers,
  accept: (client: EventSocket) => void,
): ClientListener {
  try {
    return listen({
      hostname: endpoint.address,
      port: endpoint.port,
      allowHalfOpen: true,
      // Two balancers on one port would each get a share of the clients.
      exclusive: true,
      socket: { ...handlers, open: accept },
    });
  } catch (error) {
    throw listenError(endpoint, error);
  }
}

/** Why the endpoint cannot be listened on, with what to do about it. */
export function listenError(endpoint: Endpoint, cause: unknown): LvscareError {
  const errno = errnoOf(cause);
  const where = formatEndpoint(endpoint);
  const options = { operation: `listen on ${where}`, cause, ...(errno === undefined ? {} : { errno }) };
  switch (errno) {
    case "EADDRINUSE":
      return new LvscareError("ADDRESS_IN_USE", "another program listens there", {
        ...options,
        remedy: `stop what listens on port ${endpoint.port}, or choose another port`,
      });
    case "EADDRNOTAVAIL":
      return new LvscareError("ADDRESS_NOT_LOCAL", `${endpoint.address} is no address of this host`, {
        ...options,
        remedy: `add it to the loopback interface (ip addr add ${hostCidr(endpoint)} dev lo), or run with CAP_NET_ADMIN`,
      });
    case "EACCES":
    case "EPERM":
      return new LvscareError("NOT_PERMITTED", `no right to listen on port ${endpoint.port}`, {
        ...options,
        remedy: "run with CAP_NET_BIND_SERVICE, or choose a port from 1024 up",
      });
    default:
      return new LvscareError("SOCKET_FAILED", cause instanceof Error ? cause.message : String(cause), options);
  }
}
