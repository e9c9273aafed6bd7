import { formatDuration } from "../../domain/duration.ts";
import { note, type Finding } from "../../domain/finding.ts";
import type { ProbeStatus, SuspicionStatus } from "../../domain/status.ts";
import { about, type Subject } from "./subject.ts";

/** Whether checks can see what they are to see, and whether a changed one is trusted. */
export function judgeProbe(subject: Subject): Finding[] {
  const { probes = [], suspicion } = subject.daemon ?? {};
  return [
    ...probes.flatMap((probe) => judgePatience(probe, subject)),
    ...(suspicion === undefined ? [] : [tellSuspicion(suspicion, subject)]),
  ];
}

// --- internal ---

/** While its etcd hangs or is gone, an API server takes so long to say so. */
const TOLD_AFTER_MS: ReadonlyMap<string, number> = new Map([
  ["/readyz", 4000],
  ["/livez", 2000],
]);

function judgePatience({ type, path = "", timeoutMs }: ProbeStatus, subject: Subject): Finding[] {
  const toldAfterMs = type === "kube-apiserver" ? TOLD_AFTER_MS.get(path) : undefined;
  // The answer has to come, too.
  if (toldAfterMs === undefined || timeoutMs > toldAfterMs) return [];
  const [told, is, better] = [toldAfterMs, timeoutMs, toldAfterMs + 1000].map(formatDuration);
  return [
    note(
      "probe",
      `while etcd hangs, ${path} answers after ${told}: a timeout of ${is} sees no more than a timeout, of all API servers at once`,
      `have a timeout of ${better} or more, so that the check names what failed`,
      about(subject),
    ),
  ];
}

function tellSuspicion({ reason, changes = [] }: SuspicionStatus, subject: Subject): Finding {
  const [how, undo] = changes.length === 0 ? ["", "its change"] : [` (${changes.join(", ")})`, changes.join(", ")];
  return note(
    "probe",
    `the changed probe${how} lets no real server serve (${reason}), so the one before it decides; a daemon that starts anew has none before it`,
    `take back ${undo}, or mend what it asks for; \`lvscare check\` shows what it finds`,
    about(subject),
  );
}
