import type { CertificateFacts } from "./certificate.ts";

/** The parts of a probe's time, in milliseconds; a part that was not reached or not needed is absent. */
export interface ProbeTimings {
  /** Until TCP was connected; absent on a kept connection. */
  readonly connectMs?: number;
  /** From there to the end of the TLS handshake. */
  readonly tlsMs?: number;
  /** From the request to the first byte of its answer; of the last request where there were redirects. */
  readonly firstByteMs?: number;
}

/** The outcome of one probe of one real server. A failure is a value, never an exception. */
export type Verdict =
  | {
      readonly passed: true;
      /** The observation, for people: `status 200`. */
      readonly reason: string;
      /** What an operator should know about the check, for people. */
      readonly notice?: string;
      /** What it asks for besides; for as long as no later verdict says otherwise. */
      readonly advice?: WeightAdvice;
      /** For how long it asks to be left alone, in milliseconds. */
      readonly retryAfterMs?: number;
      /** It counts at once, however many good ones in a row the policy asks for. */
      readonly atOnce?: true;
      readonly asked?: AskedOf;
      readonly expired?: string;
      readonly latencyMs: number;
      readonly timings?: ProbeTimings;
      /** Of several checks, of which this is the verdict. */
      readonly checks?: readonly CheckPart[];
      /** That the server showed at its last handshake with this check, which may have been an earlier one. */
      readonly certificate?: CertificateFacts;
    }
  | {
      readonly passed: false;
      /** Why, for people: `connect refused`, `timed out after 2s`, `status 503`, `certificate has expired`. */
      readonly reason: string;
      /** There was not even a connection. */
      readonly unreachable?: true;
      /** It answered that it is shutting down: it is to get no new clients, and that is no failure. */
      readonly leaving?: true;
      /** It counts at once, however many failures in a row the policy asks for. */
      readonly atOnce?: true;
      /** Whoever runs it says so: it is to serve nobody, and that is no failure of its health. */
      readonly decided?: true;
      readonly asked?: AskedOf;
      readonly expired?: string;
      /** For how long it asks to be left alone, in milliseconds. */
      readonly retryAfterMs?: number;
      readonly latencyMs: number;
      readonly timings?: ProbeTimings;
      readonly checks?: readonly CheckPart[];
      /** The same, trusted or not. */
      readonly certificate?: CertificateFacts;
    };

/** What an agent asks for beside health and weight, for as long as no later verdict says otherwise. */
export interface AskedOf {
  /** It is to have no new clients; `maintenance`: and no other checks meanwhile. */
  readonly hold?: "drain" | "maintenance";
  /** The most connections at the same time; 0 for any number. */
  readonly limit?: number;
}

/** The weight that a real server's check asks for: a number, or a percentage of the configured one. 0 drains it. */
export type WeightAdvice = { readonly weight: number } | { readonly percent: number };

/** One of several checks of a real server that decide together: how it stands. */
export interface CheckPart {
  readonly name: string;
  /**
   * By its own `fall` and `rise`. `unknown`: it counts as neither up nor down. `expired`: an agent that is not heard any
   * more, and counts for nothing. `paused`: an agent asked for that.
   */
  readonly state: "up" | "down" | "leaving" | "unknown" | "expired" | "paused";
  /** What it found last; absent before that. */
  readonly reason?: string;
}

/** A part of a weight, which is never none of it. */
export function shareOfWeight(weight: number, percent: number): number {
  // What is a whole number by the book may be a little more in a computer.
  const share = Math.ceil((weight * percent) / 100 - 1e-9);
  return Math.max(share, weight > 0 && percent > 0 ? 1 : 0);
}

/**
 * A probe that could not be made because we ran out of something, such as file descriptors: it says nothing about the
 * server.
 */
export interface NoVerdict {
  readonly passed: undefined;
  /** What was lacking, for people: `too many open files`. */
  readonly reason: string;
  readonly latencyMs: number;
  readonly checks?: readonly CheckPart[];
}

export type ProbeOutcome = Verdict | NoVerdict;

/** The states of the real-server machine, in the order of the state chart. */
export const REAL_SERVER_STATES = ["healthy", "draining", "removed", "recovering"] as const;
export type RealServerState = (typeof REAL_SERVER_STATES)[number];

/** Without its certificate, which is told apart from it. */
export function withoutCertificate(verdict: Verdict): Verdict {
  if (verdict.certificate === undefined) return verdict;
  const { certificate: _, ...others } = verdict;
  return others;
}

/** In a word. */
export function outcomeOf(
  verdict: Pick<Verdict, "passed"> & { readonly leaving?: true },
): "passed" | "failed" | "leaving" {
  if (verdict.passed) return "passed";
  return verdict.leaving === true ? "leaving" : "failed";
}
