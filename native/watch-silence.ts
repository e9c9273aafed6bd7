import {
  IPPROTO_TCP,
  SOL_SOCKET,
  SO_KEEPALIVE,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_USER_TIMEOUT,
} from "./socket-constants.ts";
import { int, setOption } from "./socket-options.ts";

/**
 * Makes the kernel end a TCP connection with ETIMEDOUT when its peer acknowledges nothing for this many milliseconds,
 * neither data nor the kernel's own keep-alives. (See tcp(7): if a user timeout is set, it decides, and not the count
 * of keep-alives.) Best effort: if the connection is gone already, its end is what counts.
 */
export function watchSilence(fd: number, timeoutMs: number): void {
  TIMEOUT_MS[0] = timeoutMs;
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
  setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
  setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TIMEOUT_MS);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, ON);
}

// --- internal ---

// Made once: to allocate what C reads costs more than the calls.

/** Seconds, the least that the kernel takes. While nothing is sent, the kernel asks the peer's this often. */
const KEEPALIVE_S = int(1);
const ON = int(1);
/** That of the call under way. */
const TIMEOUT_MS = int(0);
