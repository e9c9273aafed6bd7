import type { TcpProbeOptions } from "../../config/probe-kinds/tcp.ts";
import type { TlsProbeOptions } from "../../config/probe-kinds/tls.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { formatDuration } from "../../domain/duration.ts";
import { monotonicClock, type EventLoopClock } from "../clock.ts";
import { tlsPolicy } from "../connection/certificate.ts";
import type { BegunSocket } from "../connection/connection.ts";
import { SocketConnection, type OpenTcpSocket } from "../connection/socket-connection.ts";
import { Deadlines } from "../deadlines.ts";
import type { SocketPorts } from "../http/http-prober.ts";
import type { Prober } from "../prober.ts";
import { ExpectationReader } from "./expectation.ts";
import { TcpTarget, type TcpTargetOptions } from "./tcp-target.ts";

/** Whether a real server takes connections, and no more: what counts where its check tells nothing of that. */
export const CONNECTING: TcpProbeOptions = {
  type: "tcp",
  sendHex: "",
  expect: undefined,
  tls: undefined,
  timeoutMs: 1000,
  connectTimeoutMs: 1000,
};

/** Over any connections. */
export interface TcpProberPorts extends Pick<TcpTargetOptions, "newConnection" | "connectAtOnce"> {
  readonly certificateOf?: TcpTargetOptions["certificateOf"];
  readonly clock: EventLoopClock;
}

/** Probes by a connection, and by what is said over it: passes when it stands, or when the server said what is expected. */
export function createTcpProber(options: TcpProbeOptions, ports: SocketPorts): Prober {
  return tcpProber(options, overSockets(options, ports));
}

/** The same over any connections. */
export function tcpProber(options: TcpProbeOptions, ports: TcpProberPorts): Prober {
  const { sendHex, expect, tls } = options;
  // Whoever refuses a certificate closes before it says anything.
  const lingers = tls !== undefined && expect === undefined;
  const expects = expect && ((): ExpectationReader => new ExpectationReader(expect));
  return speechProber(options, ports, { send: Buffer.from(sendHex, "hex"), expects, lingers });
}

/** Probes by a TLS handshake. */
export function createTlsProber(options: TlsProbeOptions, ports: SocketPorts): Prober {
  return tlsProber(options, overSockets(options, ports));
}

/** The same over any connections. */
export function tlsProber(options: TlsProbeOptions, ports: TcpProberPorts): Prober {
  return speechProber(options, ports, { send: new Uint8Array(), expects: undefined, lingers: true });
}

/** The kernel's sockets, with TLS where the options have it. */
export function overSockets(
  { tls }: Pick<TcpProbeOptions, "tls">,
  {
    openTcpSocket,
    resetIfConnected,
    watchSilence,
    acknowledgementOf,
    trustedRoots,
    clock = monotonicClock,
  }: SocketPorts,
): TcpProberPorts {
  const policy = tls === undefined ? undefined : tlsPolicy({ ...tls, trustedRoots });
  const socketOptions = { tls: policy, openTcpSocket, watchSilence, acknowledgementOf, clock };
  return {
    newConnection: (target, listener) => new SocketConnection(target, socketOptions, listener),
    connectAtOnce: resetIfConnected && connectingAtOnce(openTcpSocket, resetIfConnected),
    certificateOf: policy?.shownBy,
    clock,
  };
}

/** Probes by a connection of its own each time, and what is said over it. */
export function speechProber(
  { tls, timeoutMs, connectTimeoutMs }: Pick<TcpProbeOptions, "tls" | "timeoutMs" | "connectTimeoutMs">,
  { newConnection, connectAtOnce, certificateOf, clock }: TcpProberPorts,
  speech: Pick<TcpTargetOptions, "send" | "expects" | "lingers">,
): Prober {
  const { send, expects, lingers } = speech;
  const onlyConnects = tls === undefined && send.length === 0 && expects === undefined && !lingers;
  const shared: TcpTargetOptions = {
    ...speech,
    hasTls: tls !== undefined,
    connectAtOnce: onlyConnects ? connectAtOnce : undefined,
    newConnection,
    certificateOf,
    clock,
    deadlines: new Deadlines(clock),
    timeoutMs,
    connectTimeoutMs,
    timedOut: `timed out after ${formatDuration(timeoutMs)}`,
    noAnswer: `connect timed out after ${formatDuration(connectTimeoutMs)}`,
  };
  return { open: (target) => new TcpTarget(target, shared) };
}

// --- internal ---

/** A server on this host answers before \`connect\` returns: a check of it needs no turn of the event loop. */
function connectingAtOnce(
  openTcpSocket: OpenTcpSocket,
  resetIfConnected: (fd: number) => boolean,
): (target: Endpoint) => BegunSocket | undefined {
  return (target) => {
    let fd: number;
    try {
      fd = openTcpSocket(target);
    } catch (refused) {
      return () => {
        throw refused;
      };
    }
    return resetIfConnected(fd) ? undefined : () => fd;
  };
}
