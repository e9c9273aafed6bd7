import type { TcpProbeOptions } from "../../config/probe-kinds/tcp.ts";
import type { TlsProbeOptions } from "../../config/probe-kinds/tls.ts";
import { formatDuration } from "../../domain/duration.ts";
import { monotonicClock } from "../clock.ts";
import { tlsPolicy } from "../http/connection/certificate.ts";
import { SocketConnection } from "../http/connection/socket-connection.ts";
import { Deadlines } from "../http/deadlines.ts";
import type { SocketPorts } from "../http/http-prober.ts";
import type { Prober } from "../prober.ts";
import { TcpTarget, type TcpTargetOptions } from "./tcp-target.ts";

/** Probes by a connection, and by what is said over it: passes when it stands, or when the server said what is expected. */
export function createTcpProber(options: TcpProbeOptions, ports: SocketPorts): Prober {
  const { sendHex, expect, tls } = options;
  // Whoever refuses a certificate closes before it says anything.
  const lingers = tls !== undefined && expect === undefined;
  return proberOf(options, ports, { send: Buffer.from(sendHex, "hex"), expect, lingers });
}

/** Probes by a TLS handshake. */
export function createTlsProber(options: TlsProbeOptions, ports: SocketPorts): Prober {
  return proberOf(options, ports, { send: new Uint8Array(), expect: undefined, lingers: true });
}

// --- internal ---

function proberOf(
  { tls, timeoutMs, connectTimeoutMs }: TcpProbeOptions | TlsProbeOptions,
  { openTcpSocket, watchSilence, acknowledgementOf, trustedRoots, clock = monotonicClock }: SocketPorts,
  speech: Pick<TcpTargetOptions, "send" | "expect" | "lingers">,
): Prober {
  const policy = tls === undefined ? undefined : tlsPolicy({ ...tls, trustedRoots });
  const socketOptions = { tls: policy, openTcpSocket, watchSilence, acknowledgementOf, clock };
  const shared: TcpTargetOptions = {
    ...speech,
    hasTls: tls !== undefined,
    newConnection: (target, listener) => new SocketConnection(target, socketOptions, listener),
    certificateOf: policy?.shownBy,
    clock,
    deadlines: new Deadlines(clock),
    timeoutMs,
    connectTimeoutMs,
    timedOut: `timed out after ${formatDuration(timeoutMs)}`,
    noAnswer: `connect timed out after ${formatDuration(connectTimeoutMs)}`,
  };
  return { open: (target) => new TcpTarget(target, shared) };
}
