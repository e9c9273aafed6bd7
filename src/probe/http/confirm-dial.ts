import type { Endpoint } from "../../domain/endpoint.ts";
import type { TlsPolicy } from "./certificate.ts";
import { startPatientTimer, type PatientTimer } from "./patient-timer.ts";
import { Wire, type Ending, type OpenTcpSocket } from "./wire.ts";

export interface ConfirmDialOptions {
  readonly target: Endpoint;
  readonly tls: TlsPolicy | undefined;
  readonly openTcpSocket: OpenTcpSocket;
  /** For an answer to any of the dials; once there is one, TLS may take `connectTimeoutMs`. */
  readonly withinMs: number;
  readonly connectTimeoutMs: number;
}

/**
 * Dials a silent server several times in short order. Any answer counts, so that a few lost packets take nobody out: with one in
 * twenty lost each way, all of the dials fail once in a hundred thousand times. Resolves to the first connection that stands, to how the
 * server refused, or to silence.
 */
export function confirmDial(options: ConfirmDialOptions, signal: AbortSignal): Promise<Wire | Ending> {
  const { promise, resolve } = Promise.withResolvers<Wire | Ending>();
  const wires = new Set<Wire>();
  const timers = new Set<PatientTimer>();

  const settle = (result: Wire | Ending): void => {
    for (const timer of timers) timer.cancel();
    signal.removeEventListener("abort", aborted);
    for (const wire of wires) if (wire !== result) wire.close();
    resolve(result);
  };
  const aborted = (): void => settle({ kind: "failed", reason: "aborted" });
  const expired = (): void => {
    if (![...wires].some((wire) => wire.isReached)) settle(SILENCE);
  };
  const dial = (): void => {
    const wire = new Wire(options.target, options.tls, {
      established: () => settle(wire),
      received: () => undefined,
      writable: () => undefined,
      ended: settle,
    });
    wires.add(wire);
    wire.open(options.openTcpSocket);
  };

  signal.addEventListener("abort", aborted);
  timers.add(startPatientTimer(options.withinMs, expired));
  timers.add(startPatientTimer(options.connectTimeoutMs, () => settle(SILENCE)));
  for (let n = 1; n < DIALS; n++) timers.add(startPatientTimer((n * options.withinMs) / (DIALS + 1), dial));
  dial();
  return promise;
}

// --- internal ---

const DIALS = 5;

const SILENCE: Ending = { kind: "silent", reason: "answers nothing any more" };
