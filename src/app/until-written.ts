import { waitFor, type SnapshotFrom } from "xstate";
import type { VirtualServerActor } from "../actors/virtual-server-machine.ts";
import { formatDuration } from "../domain/duration.ts";

/**
 * Waits until a supervisor's round has written the desired state, `timeoutMs` at most. Resolves to the reason when that
 * fails or takes too long, else to undefined.
 */
export async function untilWritten(supervisor: VirtualServerActor, timeoutMs: number): Promise<string | undefined> {
  const isWritten = (snapshot: SnapshotFrom<VirtualServerActor>): boolean =>
    !snapshot.context.dirty && snapshot.hasTag("betweenRounds");
  try {
    const now = supervisor.getSnapshot();
    // So are most of a thousand, of whom few are changed.
    const { context } = isWritten(now) ? now : await waitFor(supervisor, isWritten, { timeout: timeoutMs });
    return context.trouble.failedAttempts > 0 ? context.trouble.lastError?.message : undefined;
  } catch {
    // waitFor rejects when the time is over or the supervisor ended. The request is stored in both cases.
    const { status, context } = supervisor.getSnapshot();
    // The last thing that one does which leaves the configuration is to delete itself.
    if (status !== "active" && context.isWithdrawn && context.wanted === undefined) return undefined;
    if (status !== "active") return "the daemon stopped; its next start does it";
    const { lastError, failedAttempts } = context.trouble;
    if (failedAttempts > 0 && lastError !== undefined) return lastError.message;
    return `the data plane takes more than ${formatDuration(timeoutMs)}`;
  }
}
