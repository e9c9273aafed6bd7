import type { CertificateFacts } from "../../domain/certificate.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { BegunSocket, Connection, NewConnection } from "../connection/connection.ts";
import { Dial, type Dialed, type UnderWay } from "../connection/dial.ts";
import { refusal, type Conclusion } from "../http/judgement.ts";
import type { Probe } from "../prober.ts";
import { Conversation, type ConversationOptions } from "./conversation.ts";

/** What all targets of one prober share. */
export interface TcpTargetOptions extends ConversationOptions {
  readonly newConnection: NewConnection;
  /** Connects, and closes again where that is done at once: then it gives nothing. Absent where more is wanted than to be connected. */
  readonly connectAtOnce?: ((target: Endpoint) => BegunSocket | undefined) | undefined;
  /** What was shown at the last handshake with this target; undefined: there is no TLS. */
  readonly certificateOf: ((target: Endpoint) => CertificateFacts | undefined) | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly noAnswer: string;
}

/** Checks one real server by a connection of its own each time, and what is said over it. */
export class TcpTarget implements Probe {
  readonly #target: Endpoint;
  readonly #options: TcpTargetOptions;
  #underWay: UnderWay | undefined;

  constructor(target: Endpoint, options: TcpTargetOptions) {
    this.#target = target;
    this.#options = options;
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    const { clock, newConnection, connectAtOnce, deadlines, timeoutMs, connectTimeoutMs, timedOut, noAnswer } =
      this.#options;
    const startedAtMs = clock.now();
    const begun = connectAtOnce?.(this.#target);
    if (connectAtOnce !== undefined && begun === undefined) {
      const latencyMs = clock.now() - startedAtMs;
      return tell({ passed: true, reason: CONNECTED, latencyMs, timings: { connectMs: latencyMs } });
    }
    const dial = new Dial(
      {
        target: this.#target,
        newConnection,
        deadlines,
        nowMs: startedAtMs,
        withinMs: connectTimeoutMs,
        noAnswer,
        remainingMs: timeoutMs,
        timedOut,
        ...(begun && { begun }),
      },
      (dialed, nowMs) => this.#dialed(dialed, { startedAtMs, nowMs, tell }),
    );
    this.#underWay = dial;
    dial.start();
  }

  close(): void {
    this.#underWay?.cancel();
    this.#underWay = undefined;
  }

  // --- internal ---

  #dialed(dialed: Dialed, check: Checking): void {
    const { send, expects, lingers, clock, timeoutMs } = this.#options;
    const { startedAtMs, nowMs = clock.now() } = check;
    this.#underWay = undefined;
    if ("kind" in dialed) return this.#conclude(refusal(dialed), undefined, check, nowMs);
    if (send.length === 0 && expects === undefined && !lingers) {
      // By a reset: this host remembers nothing of the connection.
      dialed.abort();
      return this.#conclude({ passed: true, reason: CONNECTED }, dialed, check, nowMs);
    }
    const conversation = new Conversation(dialed, this.#options, (conclusion) => {
      this.#underWay = undefined;
      this.#conclude(conclusion, dialed, check, clock.now());
    });
    this.#underWay = conversation;
    conversation.start(timeoutMs - (nowMs - startedAtMs));
  }

  #conclude(
    conclusion: Conclusion,
    connection: Connection | undefined,
    { startedAtMs, tell }: Checking,
    nowMs: number,
  ): void {
    const latencyMs = nowMs - startedAtMs;
    const { passed, reason } = conclusion;
    if (passed === undefined) return tell({ passed, reason, latencyMs });
    const certificate = this.#options.certificateOf?.(this.#target);
    const measured = { latencyMs, timings: connection?.timings ?? {}, ...(certificate && { certificate }) };
    if (passed) tell({ passed, reason, ...measured });
    else tell({ ...conclusion, ...measured });
  }
}

// --- internal ---

const CONNECTED = "connected";

/** A check under way. `nowMs`: when it was dialled, where that is known. */
interface Checking {
  readonly startedAtMs: number;
  readonly nowMs: number | undefined;
  readonly tell: (outcome: ProbeOutcome) => void;
}
