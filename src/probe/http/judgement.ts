import type { HttpProbeOptions } from "../../config/care-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { Undialed } from "./connection/dial.ts";
import type { Outcome } from "./exchange.ts";
import { redirectStep } from "./redirect.ts";
import type { RequestStep } from "./request.ts";

export type Conclusion =
  | { readonly passed: true | undefined; readonly reason: string }
  | { readonly passed: false; readonly reason: string; readonly unreachable?: true };

/** A conclusion, or where to ask next. */
export type Judgement = Conclusion | { readonly passed: undefined; readonly next: RequestStep };

/** What an exchange says of the real server that was asked. */
export function judge(
  outcome: Outcome,
  asked: RequestStep,
  target: Endpoint,
  probe: Pick<HttpProbeOptions, "scheme" | "acceptStatus" | "onlyStatus">,
): Judgement {
  if ("failed" in outcome) return { passed: false, reason: outcome.failed };
  const { answer } = outcome;
  const next = redirectStep(answer, asked, probe.scheme, target);
  if (next !== undefined) return { passed: undefined, next };
  const { status } = answer;
  return { passed: statusPasses(status, probe), reason: `status ${status}` };
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
  if (onlyStatus !== undefined) return onlyStatus.some(([from, to]) => status >= from && status <= to);
  return status < 400 || acceptStatus.includes(status);
}
