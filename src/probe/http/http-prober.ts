import type { HttpProbeOptions, HttpRequestOptions } from "../../config/care-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import { formatDuration } from "../../domain/duration.ts";
import { monotonicClock, type EventLoopClock } from "../clock.ts";
import { mapOutcomes } from "../mapped-probe.ts";
import type { Prober } from "../prober.ts";
import { describeStanding, unknownStanding, type Standing } from "../../domain/standing.ts";
import type { TlsPolicy, TlsPolicyOptions } from "../connection/certificate.ts";
import { Deadlines } from "../deadlines.ts";
import type { NewConnection } from "../connection/connection.ts";
import { orInPlain } from "../connection/failure-reasons.ts";
import type { OwnPorts } from "../own-ports.ts";
import { interestOf } from "./expectations.ts";
import { judgeOf } from "./judgement.ts";
import { httpTlsPolicy } from "./http-tls-policy.ts";
import { HttpTarget, type HttpTargetOptions } from "./http-target.ts";
import { SecretHeaders, type Secrets } from "./secret-headers.ts";
import { SocketConnection, type SocketConnectionOptions } from "../connection/socket-connection.ts";

export interface SocketPorts extends Pick<
  SocketConnectionOptions,
  "openTcpSocket" | "watchSilence" | "acknowledgementOf"
> {
  /** Closes a socket that is connected by now, and says so; any other is left as it is. */
  readonly resetIfConnected?: (fd: number) => boolean;
  readonly watchPath?: HttpProberPorts["watchPath"];
  /** PEM certificates to trust instead of this system's, when certificates are checked. */
  readonly trustedRoots?: readonly string[];
  /** Certificates and keys that are not in files of the options. */
  readonly material?: TlsPolicyOptions["material"];
  /** Whether real servers are asked no more than a budget allows. */
  readonly isPaced?: HttpProberPorts["isPaced"];
  /** For whose kept connections there are local ports; absent: for nobody's. */
  readonly ownPorts?: OwnPorts;
  /** How a real server stands: what is told of it where a check is to. */
  readonly standingOf?: (realServer: Endpoint) => Standing;
  /** That of this process, unless one is given. */
  readonly clock?: EventLoopClock;
}

/** The prober over the kernel's sockets. It ignores proxy settings of the environment. */
export function createHttpProber(options: HttpProbeOptions, ports: SocketPorts): Prober {
  const { standingOf } = ports;
  const prober = overSockets(options, ports, (own) =>
    httpProber(options, { ...own, ...(standingOf && { standingOf }) }),
  );
  if (options.scheme === "http") return prober;
  return { open: (target, suspect, realServer) => mapOutcomes(prober.open(target, suspect, realServer), hinting) };
}

/** Makes a prober of HTTP requests over the kernel's sockets. */
export function overSockets(
  options: HttpRequestOptions,
  ports: SocketPorts,
  create: (ports: HttpProberPorts) => Prober,
): Prober {
  const {
    openTcpSocket,
    watchSilence,
    acknowledgementOf,
    watchPath,
    isPaced,
    ownPorts,
    trustedRoots,
    material,
    clock = monotonicClock,
  } = ports;
  const over = (tls: TlsPolicy | undefined, hasOwnPort = false): NewConnection => {
    const socketOptions = { tls, openTcpSocket, hasOwnPort, watchSilence, acknowledgementOf, clock };
    return (target, listener) => new SocketConnection(target, socketOptions, listener);
  };
  const lasting = (tls: TlsPolicy | undefined): Pick<HttpProberPorts, "lasting"> =>
    ownPorts === undefined ? {} : { lasting: { ports: ownPorts, newConnection: over(tls, true) } };
  const newTcpConnection = over(undefined);
  const shared = { newTcpConnection, watchPath, isPaced, clock };
  if (options.scheme !== "https") return create({ ...shared, ...lasting(undefined), newConnection: newTcpConnection });
  const tls = httpTlsPolicy({ ...options.tls, headers: options.headers, trustedRoots, material });
  return create({ ...shared, ...lasting(tls), newConnection: over(tls), certificateOf: tls.shownBy });
}

export interface HttpProberPorts extends Pick<
  HttpTargetOptions,
  "newConnection" | "newTcpConnection" | "lasting" | "certificateOf" | "watchPath" | "isPaced"
> {
  readonly standingOf?: SocketPorts["standingOf"];
  readonly clock: EventLoopClock;
}

/**
 * Probes by one HTTP request, with or without TLS. Passes when the final status is below 400 or accepted by an
 * option, and the answer holds what is expected of it. Redirects within the same real server are followed.
 */
export function httpProber(options: HttpProbeOptions, { standingOf, ...ports }: HttpProberPorts): Prober {
  const judging = { judge: judgeOf(options), interest: interestOf(options) };
  const stateOf = (realServer: Endpoint): string => describeStanding(standingOf?.(realServer) ?? unknownStanding());
  return requestProber(options, { ...judging, ...(options.sendState && { stateOf }) }, ports);
}

/** Probes by HTTP requests whose answers are judged so. `others`: headers, where no files of the options have them. */
export function requestProber(
  options: HttpRequestOptions,
  judging: Pick<HttpTargetOptions, "judge" | "interest" | "stateOf">,
  { clock, ...ports }: Omit<HttpProberPorts, "standingOf">,
  others?: Secrets,
): Prober {
  const overdue = {
    timedOut: `timed out after ${formatDuration(options.timeoutMs)}`,
    noAnswer: `connect timed out after ${formatDuration(options.connectTimeoutMs)}`,
  };
  const { tokenFile, basicAuthFile, headersFile } = options;
  const hasSecrets = [tokenFile, basicAuthFile, headersFile].some((path) => path !== undefined);
  const secrets = hasSecrets ? new SecretHeaders(options) : others;
  const deadlines = new Deadlines(clock);
  const shared: HttpTargetOptions = { ...ports, ...judging, secrets, options, clock, deadlines, overdue };
  return { open: (target, suspect, realServer = target) => new HttpTarget(target, realServer, shared, suspect) };
}

// --- internal ---

function hinting(outcome: ProbeOutcome): ProbeOutcome {
  return outcome.passed === false ? { ...outcome, reason: orInPlain(outcome.reason) } : outcome;
}
