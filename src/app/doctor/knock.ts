import { closeSync } from "node:fs";
import { localEndpoint, openTcpSocket } from "#native";
import { formatDuration } from "../../domain/duration.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { failureReason } from "../../probe/http/failure-reasons.ts";

/** A TCP connection that was tried. */
export interface Knock {
  /** Where it came from; undefined when there was no way at all. */
  readonly local: Endpoint | undefined;
  /** Undefined when it stands. */
  readonly failure: string | undefined;
  readonly latencyMs: number;
  /** Ends it in good order; idempotent. */
  close(): void;
}

/** Connects, and says nothing. Never rejects. */
export function knock(target: Endpoint, timeoutMs: number): Promise<Knock> {
  const { promise, resolve } = Promise.withResolvers<Knock>();
  const startedAt = performance.now();
  let socket: Bun.Socket<unknown> | undefined;
  let local: Endpoint | undefined;
  let isSettled = false;

  const settle = (failure: string | undefined): void => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    // One that does not stand has nobody to say farewell to.
    if (failure !== undefined) socket?.terminate();
    resolve({ local, failure, latencyMs: performance.now() - startedAt, close: () => void socket?.end() });
  };
  const timer = setTimeout(() => settle(`connect timed out after ${formatDuration(timeoutMs)}`), timeoutMs);

  let fd: number | undefined;
  try {
    fd = openTcpSocket(target);
    local = localEndpoint(fd);
    const handlers: Bun.SocketHandler<unknown> = {
      // The descriptor is taken, but connects still: that it stands shows when it can be written to.
      open: (opened) => void (socket = opened),
      drain: () => settle(undefined),
      data: () => settle(undefined),
      error: (_, error) => settle(failureReason(error)),
      close: (_, error) => settle(error === undefined ? "closed at once" : failureReason(error)),
    };
    adopt({ fd, socket: handlers }).catch((error: unknown) => settle(failureReason(error)));
  } catch (error) {
    settle(failureReason(error));
  }
  // What was not taken is still ours.
  if (fd !== undefined && socket === undefined) closeSync(fd);
  return promise;
}

// --- internal ---

/** Bun's types describe these options, but none of the overloads of Bun.connect takes them. */
const adopt = Bun.connect as unknown as (options: {
  fd: number;
  socket: Bun.SocketHandler<unknown>;
}) => Promise<unknown>;
