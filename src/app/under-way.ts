import { waitFor, type SnapshotFrom } from "xstate";
import type { VirtualServerActor } from "../actors/virtual-server-machine.ts";
import { formatDuration } from "../domain/duration.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { ReloadReport } from "../domain/reload.ts";
import { fullName } from "./about.ts";
import { untilWritten } from "./operator.ts";
import type { VirtualServerCare } from "./virtual-server-care.ts";

/** What is still to come of another configuration that was taken over, and takes longer than a reload: a line each. */
export async function underWay(
  all: readonly VirtualServerCare[],
): Promise<Pick<ReloadReport, "draining" | "onTrial" | "suspicious">> {
  const lines = await draining(all);
  const { onTrial, suspicious } = trials(all);
  return { draining: lines, ...(onTrial.length > 0 && { onTrial }), ...(suspicious.length > 0 && { suspicious }) };
}

/** Real servers that are no longer in the configuration but still in a data plane. */
export async function draining(all: readonly VirtualServerCare[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const care of all) {
    const { options, isLeaving } = care;
    if (!isLeaving && hasOnlyListed(care)) continue;
    const listed = new Set(isLeaving ? [] : options.realServers.map(({ endpoint }) => formatEndpoint(endpoint)));
    // It may be gone by now.
    const realServers = await care.status().then(
      (status) => status.realServers,
      () => [],
    );
    for (const { address, weight, activeConnections } of realServers) {
      if (weight === undefined || listed.has(address) || options.unlisted === "keep") continue;
      const connections = activeConnections === 1 ? "1 open connection" : `${activeConnections} open connections`;
      const longest = formatDuration(options.policy.drainTimeoutMs);
      lines.push(`${address} of ${fullName(options)}: ${connections}, ${longest} at most`);
    }
  }
  return lines;
}

/** Waits until what is to be done is written, each for a while at most. Resolves to what is not. */
export async function unwritten(all: readonly VirtualServerCare[]): Promise<readonly string[]> {
  const lines = await Promise.all(
    all.map(async (care) => {
      const problem = care.supervisor && (await untilWritten(care.supervisor, LONGEST_WRITE_MS));
      return problem === undefined ? [] : [`${fullName(care.options)}: not written yet: ${problem}`];
    }),
  );
  return lines.flat();
}

/** Waits until every changed probe decides, or is suspicious, `timeoutMs` at most. */
export async function tried(all: readonly VirtualServerCare[], timeoutMs: number): Promise<void> {
  await Promise.all(withTrial(all).map((care) => triedOf(care, timeoutMs)));
}

// --- internal ---

/** Longer than a round of ten thousand real servers takes. */
const LONGEST_WRITE_MS = 10_000;

const WHO_DECIDES = "the one before it decides until it has proved itself";

/** Those whose changed probe does not decide yet: it has yet to prove itself, or is suspicious. */
function trials(all: readonly VirtualServerCare[]): Required<Pick<ReloadReport, "onTrial" | "suspicious">> {
  const [onTrial, suspicious]: [string[], string[]] = [[], []];
  for (const care of withTrial(all)) {
    const probe = `the changed probe of ${fullName(care.options)}`;
    const reason = care.supervisor?.getSnapshot().context.suspicion?.reason;
    if (reason === undefined) onTrial.push(`${probe}: ${WHO_DECIDES}`);
    else suspicious.push(`${probe} lets no real server serve (${reason}), so the one before it decides`);
  }
  return { onTrial, suspicious };
}

function withTrial(all: readonly VirtualServerCare[]): readonly VirtualServerCare[] {
  return all.filter(({ isLeaving, deciding }) => !isLeaving && deciding.onTrial.length > 0);
}

async function triedOf({ supervisor, deciding }: VirtualServerCare, timeoutMs: number): Promise<void> {
  if (supervisor === undefined) return;
  const isTried = (snapshot: SnapshotFrom<VirtualServerActor>): boolean =>
    deciding.trialSinceMs === undefined || snapshot.context.suspicion !== undefined;
  // Rejects when the time is over or caring ends: whoever asks looks at what is known then.
  await waitFor(supervisor, isTried, { timeout: timeoutMs }).catch(() => undefined);
}

/** All in its data plane are listed, as far as is known. */
function hasOnlyListed({ supervisor }: VirtualServerCare): boolean {
  if (supervisor === undefined) return false;
  const { table, members, overlay } = supervisor.getSnapshot().context;
  if (table === undefined || overlay.departures.size > 0 || overlay.unlisted.size > 0) return false;
  return !Array.from(members.values()).some(({ isLeaving }) => isLeaving);
}
