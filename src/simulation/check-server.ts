import type { HttpProbeOptions } from "../config/care-options.ts";
import { formatDuration } from "../domain/duration.ts";
import { statusPasses } from "../probe/http/status-rule.ts";
import type { ServerScript } from "./behaviour.ts";

/** What a check will find, and after how long. */
export interface Finding {
  readonly passed: boolean;
  readonly reason: string;
  readonly isUnreachable?: true;
  readonly afterMs: number;
}

/** How a kept connection ended: the other side said so, or nothing came from there any more. */
export type Suspicion = "closed" | "silent";

/** A check that starts at this moment, as the HTTP prober makes it over a new connection. */
export function checkServer(
  script: ServerScript,
  startMs: number,
  options: HttpProbeOptions,
  suspicion?: Suspicion,
): Finding {
  const { connectTimeoutMs, sentinelTimeoutMs } = options;
  const isDoubtful = suspicion === "silent";
  const withinMs = isDoubtful ? Math.min(connectTimeoutMs, sentinelTimeoutMs + 100) : connectTimeoutMs;
  for (let dial = 0; dial < DIALS; dial++) {
    const afterMs = (dial * withinMs) / (DIALS + 1);
    const { kind } = script.at(startMs + afterMs);
    if (kind === "vanishes") continue;
    if (kind !== "refuses") return awaitAnswer(script, startMs, afterMs + TRIP_MS, options);
    return { passed: false, reason: "connect refused", isUnreachable: true, afterMs: afterMs + TRIP_MS };
  }
  const reason = isDoubtful ? "answers nothing any more" : `connect timed out after ${formatDuration(withinMs)}`;
  return { passed: false, reason, isUnreachable: true, afterMs: withinMs };
}

/** When it is noticed that an idle connection ended that was made now; undefined when that is not before `untilMs`. */
export function endOfConnection(
  script: ServerScript,
  madeAtMs: number,
  { sentinelTimeoutMs }: HttpProbeOptions,
  untilMs: number,
): { readonly atMs: number; readonly suspicion: Suspicion } | undefined {
  for (let ms = madeAtMs; ms < untilMs; ms = script.nextChange(ms)) {
    const { kind } = script.at(ms);
    if (kind === "refuses") return { atMs: ms + TRIP_MS, suspicion: "closed" };
    if (kind !== "vanishes") continue;
    // The kernel asks once a second, and gives up when it has asked before and the time is over since the last answer.
    const lastAnswerMs = madeAtMs + Math.floor((ms - madeAtMs) / KEEPALIVE_MS) * KEEPALIVE_MS;
    const silences = Math.max(2, Math.ceil(sentinelTimeoutMs / KEEPALIVE_MS));
    const noticedMs = lastAnswerMs + silences * KEEPALIVE_MS;
    if (script.nextChange(ms) > noticedMs) return { atMs: noticedMs, suspicion: "silent" };
  }
  return undefined;
}

// --- internal ---

/** There and back again. */
const TRIP_MS = 0.5;
/** So often a connection is tried before its time is over. */
const DIALS = 5;
const KEEPALIVE_MS = 1000;

/** The request is there; what the server does from now on decides. An answer that is ready waits until the server is in its senses. */
function awaitAnswer(
  script: ServerScript,
  startMs: number,
  connectedAfterMs: number,
  options: HttpProbeOptions,
): Finding {
  const deadlineMs = startMs + options.timeoutMs;
  let answer: { readonly status: number; readonly readyMs: number } | undefined;
  for (let ms = startMs + connectedAfterMs; ms < deadlineMs; ms = script.nextChange(ms)) {
    const behaviour = script.at(ms);
    // The connection is reset, and the next one tells why.
    if (behaviour.kind === "refuses")
      return { passed: false, reason: "connect refused", isUnreachable: true, afterMs: ms - startMs + TRIP_MS };
    if (behaviour.kind !== "answers") continue;
    answer ??= { status: behaviour.status, readyMs: ms + behaviour.afterMs };
    const answeredMs = Math.max(ms, answer.readyMs);
    if (answeredMs < Math.min(script.nextChange(ms), deadlineMs)) {
      const passed = statusPasses(answer.status, options.acceptStatus);
      return { passed, reason: `status ${answer.status}`, afterMs: answeredMs - startMs };
    }
  }
  return { passed: false, reason: `timed out after ${formatDuration(options.timeoutMs)}`, afterMs: options.timeoutMs };
}
