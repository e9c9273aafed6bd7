import {
  IPPROTO_TCP,
  SOL_SOCKET,
  SO_KEEPALIVE,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_USER_TIMEOUT,
} from "./socket-constants.ts";
import { int, setOption } from "./socket-options.ts";

/** Seconds, the least that the kernel takes. While nothing is sent, the kernel asks the peer's this often. */
const KEEPALIVE_S = 1;

/**
 * Makes the kernel end a TCP connection with ETIMEDOUT when its peer acknowledges nothing for this many milliseconds,
 * neither data nor the kernel's own keep-alives. (See tcp(7): if a user timeout is set, it decides, and not the count
 * of keep-alives.) Best effort: if the connection is gone already, its end is what counts.
 */
export function watchSilence(fd: number, timeoutMs: number): void {
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, int(KEEPALIVE_S));
  setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, int(KEEPALIVE_S));
  setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, int(timeoutMs));
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, int(1));
}
