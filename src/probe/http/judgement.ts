import type { HttpProbeOptions, StatusRange } from "../../config/care-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { Verdict } from "../../domain/health.ts";
import type { Undialed } from "../connection/dial.ts";
import { readExpectations } from "./expectations.ts";
import { redirectStep } from "./redirect.ts";
import type { RequestStep } from "./request.ts";
import type { ProbeResponse } from "./response/response-reader.ts";

type Failure = Extract<Verdict, { passed: false }>;

export type Conclusion =
  | { readonly passed: undefined; readonly reason: string }
  | Omit<Extract<Verdict, { passed: true }>, "latencyMs" | "timings" | "certificate">
  | Omit<Failure, "latencyMs" | "timings" | "certificate">;

/** A conclusion, or where to ask next. */
export type Judgement = Conclusion | { readonly passed: undefined; readonly next: RequestStep };

/** What an answer says of the real server that was asked. */
export type JudgeAnswer = (answer: ProbeResponse, asked: RequestStep, target: Endpoint) => Judgement;

/** Judges by the status, and by headers and body where something is expected of them. */
export function judgeOf(probe: HttpProbeOptions): JudgeAnswer {
  const disappointment = readExpectations(probe);
  return (answer, asked, target) => {
    const next = probe.followRedirects ? redirectStep(answer, asked, probe.scheme, target) : undefined;
    if (next !== undefined) return { passed: undefined, next };
    const { status } = answer;
    const reason = `status ${status}`;
    if (isAmong(status, probe.drainOn))
      return { passed: false, reason: `${reason}: it is shutting down`, leaving: true };
    if (!statusPasses(status, probe))
      return { passed: false, reason, ...(isAmong(status, probe.failAtOnce) && { atOnce: true as const }) };
    const lacking = disappointment(answer);
    return lacking === undefined ? { passed: true, reason } : { passed: false, reason: `${reason}, but ${lacking}` };
  };
}

/** What a failed attempt to connect says about the real server. */
export function refusal(ending: Undialed): Conclusion {
  if (ending.kind === "unasked") return { passed: undefined, reason: ending.reason };
  const reason = ending.kind === "closed" ? "closed without an answer" : ending.reason;
  return ending.isUnreachable ? { passed: false, reason, unreachable: true } : { passed: false, reason };
}

/** Whether a final status means a living server: below 400 or accepted besides, unless only certain ones pass. */
export function statusPasses(
  status: number,
  { acceptStatus, onlyStatus }: Pick<HttpProbeOptions, "acceptStatus" | "onlyStatus">,
): boolean {
  if (onlyStatus !== undefined) return isAmong(status, onlyStatus);
  return status < 400 || acceptStatus.includes(status);
}

// --- internal ---

function isAmong(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(([from, to]) => status >= from && status <= to);
}
