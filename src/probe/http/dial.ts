import type { Endpoint } from "../../domain/endpoint.ts";
import type { TlsPolicy } from "./certificate.ts";
import { startPatientTimer, type PatientTimer } from "./patient-timer.ts";
import { Wire, type Ending, type OpenTcpSocket } from "./wire.ts";

export interface DialOptions {
  readonly target: Endpoint;
  /** Absent for plain TCP. */
  readonly tls: TlsPolicy | undefined;
  readonly openTcpSocket: OpenTcpSocket;
  /** For the TCP connection alone. */
  readonly withinMs: number;
  /** What to say when that is over. */
  readonly noAnswer: string;
  /** For all of it, TLS included. */
  readonly remainingMs: number;
  readonly timedOut: string;
}

export type Dialed = Wire | (Ending & { /** There was not even a TCP connection. */ readonly isUnreachable: boolean });

/**
 * Connects to a server. While nothing answers, it is dialled again and again in short order, because the kernel repeats a lost SYN only
 * after a second (RFC 6298, 2): with one packet in twenty lost each way, all of the dials fail once in a hundred thousand times, so that
 * packet loss takes nobody out. Whatever answers first counts, a refusal too. Never rejects; the wire is parked, the others are gone.
 */
export function dial(options: DialOptions, signal: AbortSignal): Promise<Dialed> {
  const { target, tls, openTcpSocket, withinMs, remainingMs } = options;
  const { promise, resolve } = Promise.withResolvers<Dialed>();
  const wires: Wire[] = [];
  const timers: PatientTimer[] = [];
  const isReached = (): boolean => wires.some((wire) => wire.isReached);
  let settled = false;

  const settle = (result: Wire | Ending): void => {
    if (settled) return;
    settled = true;
    const isUnreachable = !isReached();
    for (const timer of timers) timer.cancel();
    signal.removeEventListener("abort", aborted);
    for (const wire of wires) if (wire !== result) wire.close();
    resolve(result instanceof Wire ? result : { ...result, isUnreachable });
  };
  const aborted = (): void => settle({ kind: "failed", reason: "aborted" });
  const attempt = (): void => {
    if (settled || isReached()) return;
    const wire = new Wire(target, tls, {
      established: () => {
        wire.park();
        settle(wire);
      },
      received: () => undefined,
      writable: () => undefined,
      ended: settle,
    });
    wires.push(wire);
    wire.open(openTcpSocket);
    if (wires.length < DIALS) timers.push(startPatientTimer(withinMs / (DIALS + 1), attempt));
  };

  signal.addEventListener("abort", aborted);
  // With both at the same length this one knows more, so it comes first.
  timers.push(
    startPatientTimer(withinMs, () => {
      if (!isReached()) settle({ kind: "silent", reason: options.noAnswer });
    }),
    startPatientTimer(remainingMs, () => settle({ kind: "silent", reason: options.timedOut })),
  );
  attempt();
  return promise;
}

// --- internal ---

const DIALS = 5;
