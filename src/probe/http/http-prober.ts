import type { HttpProbeOptions } from "../../config/care-options.ts";
import { formatDuration } from "../../domain/duration.ts";
import { monotonicClock, type EventLoopClock } from "../clock.ts";
import type { Prober } from "../prober.ts";
import { tlsPolicy } from "./certificate.ts";
import { Deadlines } from "./deadlines.ts";
import { HttpTarget, type HttpTargetOptions } from "./http-target.ts";

export interface HttpProberPorts extends Pick<HttpTargetOptions, "openTcpSocket" | "watchSilence" | "watchPath"> {
  /** PEM certificates to trust instead of this system's, when certificates are checked. */
  readonly trustedRoots?: readonly string[];
  /** That of this process, unless one is given. */
  readonly clock?: EventLoopClock;
}

/**
 * Probes by one HTTP request, with TLS or without. Passes when the final status is below 400 or accepted besides; redirects within the
 * same real server are followed. Proxy settings of the environment have no say.
 */
export function createHttpProber(options: HttpProbeOptions, ports: HttpProberPorts): Prober {
  const { openTcpSocket, watchSilence, watchPath, trustedRoots, clock = monotonicClock } = ports;
  const tls = options.scheme === "https" ? tlsPolicy({ ...options, trustedRoots }) : undefined;
  const overdue = {
    timedOut: `timed out after ${formatDuration(options.timeoutMs)}`,
    noAnswer: `connect timed out after ${formatDuration(options.connectTimeoutMs)}`,
  };
  const deadlines = new Deadlines(clock);
  const shared: HttpTargetOptions = { options, tls, openTcpSocket, watchSilence, watchPath, clock, deadlines, overdue };
  return { open: (target, suspect) => new HttpTarget(target, shared, suspect) };
}
