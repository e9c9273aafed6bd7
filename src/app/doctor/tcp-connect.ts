import { adoptDescriptor, localEndpoint, openTcpSocket } from "#native";
import { formatDuration } from "../../domain/duration.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { failureReason } from "../../probe/connection/failure-reasons.ts";

/** A TCP connection that was tried. */
export interface TcpConnection {
  /** Its local address; undefined when there was no way at all. */
  readonly local: Endpoint | undefined;
  /** Undefined when it is connected. */
  readonly failure: string | undefined;
  readonly latencyMs: number;
  /** Closes it properly; idempotent. */
  close(): void;
}

/** Connects, and says nothing. Never rejects. `isBeside`: others, through a virtual server, must not get its local port. */
export function tcpConnect(target: Endpoint, timeoutMs: number, isBeside = false): Promise<TcpConnection> {
  const { promise, resolve } = Promise.withResolvers<TcpConnection>();
  const startedAt = performance.now();
  let socket: Bun.Socket<unknown> | undefined;
  let local: Endpoint | undefined;
  let isSettled = false;

  const settle = (failure: string | undefined): void => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    // Without a connection there is no peer to say goodbye to.
    if (failure !== undefined) socket?.terminate();
    resolve({ local, failure, latencyMs: performance.now() - startedAt, close: () => void socket?.end() });
  };
  const timer = setTimeout(() => settle(`connect timed out after ${formatDuration(timeoutMs)}`), timeoutMs);

  adoptDescriptor<unknown>({
    open() {
      const fd = openTcpSocket(target, { hasOwnPort: isBeside });
      local = localEndpoint(fd);
      return fd;
    },
    handlers: {
      // The descriptor was taken over but is still connecting: it is connected when it becomes writable.
      open: (opened) => void (socket = opened),
      drain: () => settle(undefined),
      data: () => settle(undefined),
      error: (_, error) => settle(failureReason(error)),
      close: (_, error) => settle(error === undefined ? "closed at once" : failureReason(error)),
    },
    failed: (error) => settle(failureReason(error)),
  });
  return promise;
}
