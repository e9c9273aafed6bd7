import { waitFor, type SnapshotFrom } from "xstate";
import { holdsOf, type VirtualServerActor } from "../actors/virtual-server-machine.ts";
import { standingOf } from "../actors/status.ts";
import { formatDuration } from "../domain/duration.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import { withoutCertificate, type ProbeOutcome } from "../domain/health.ts";
import { changeHold, withHold, type HoldChange, type Holds } from "../domain/hold.ts";
import { notYet, type CheckReport, type HoldReport } from "../domain/operator.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { describeVirtualServer, ofVirtualServer, type NamedVirtualServer } from "../domain/virtual-server-name.ts";

export interface OperatorPorts {
  /** Undefined when it has ended. */
  readonly supervisor: () => VirtualServerActor | undefined;
  /** How it is called now. */
  readonly virtualServer: () => NamedVirtualServer;
  /** How one of its real servers is called now, where it has a name. */
  readonly nameOf: (server: string) => string | undefined;
  readonly status: () => Promise<VirtualServerStatus>;
  /** Stores the holds; throws when it cannot. */
  readonly keep: (holds: Holds) => void;
  /** One check over a connection of its own. */
  readonly probe: (target: Endpoint, signal: AbortSignal) => Promise<ProbeOutcome>;
  /** How that differs from the check that decides for a real server; empty where it decides itself. */
  readonly onTrialFor: (server: string) => readonly string[];
  readonly timeOfDay: () => Date;
}

/** Does what operators ask of a running daemon. Rejects with NOT_RUNNING before it has begun, and when it has ended. */
export class Operator {
  readonly #ports: OperatorPorts;

  constructor(ports: OperatorPorts) {
    this.#ports = ports;
  }

  /**
   * Holds a real server, by its formatted endpoint, or lets it go; `by` is the operator. A hold that must outlive
   * this process is written to the file first; then this waits for the table. Rejects with NOT_LISTED or FILE_FAILED
   * when nothing was changed.
   */
  async hold(server: string, change: HoldChange, by?: string): Promise<HoldReport> {
    const supervisor = this.#supervisor();
    const target = this.#find(server, supervisor);
    const { keep, timeOfDay, status } = this.#ports;
    const holds = holdsOf(supervisor);
    const wasOut = holds.get(server)?.drained !== true && standingOf(supervisor, target).weight === 0;
    const hold = changeHold(holds.get(server), change, timeOfDay().toISOString(), by);
    keep(withHold(holds, server, hold, supervisor.getSnapshot().context.members));
    supervisor.send({ type: "operator.hold", server, hold });
    const pending = await untilWritten(supervisor, LONGEST_WAIT_MS);
    const report = await status();
    const realServer = report.realServers.find(({ address }) => address === server);
    if (realServer === undefined) throw notListed(server, report, []);
    const { scheduler, inService } = report;
    return {
      ...ofVirtualServer(report),
      scheduler,
      realServer,
      ...(inService && { inService }),
      ...(wasOut && { wasOut }),
      ...(pending !== undefined && { pending }),
    };
  }

  /** Writes down again what is held: its directory may have been made again. Throws FILE_FAILED. */
  keepAgain(): void {
    const holds = holdsOf(this.#supervisor());
    if (holds.size > 0) this.#ports.keep(holds);
  }

  /**
   * Checks a real server now, beside its own checks, and runs those at once too, so that the daemon acts on the
   * result.
   */
  async check(server: string, signal: AbortSignal): Promise<CheckReport> {
    const supervisor = this.#supervisor();
    const target = this.#find(server, supervisor);
    const { probe, virtualServer, nameOf, onTrialFor } = this.#ports;
    const onTrial = onTrialFor(server);
    const outcome = await probe(target, signal);
    supervisor.send({ type: "operator.check", server });
    if (outcome.passed === undefined)
      throw new LvscareError("NOT_CHECKED", `${server} cannot be checked: ${outcome.reason}`);
    const suspicion = supervisor.getSnapshot().context.suspicion?.reason;
    const realServerName = nameOf(server);
    return {
      ...ofVirtualServer(virtualServer()),
      realServer: server,
      verdict: withoutCertificate(outcome),
      ...(realServerName !== undefined && { realServerName }),
      ...(onTrial.length > 0 && { onTrial }),
      ...(onTrial.length > 0 && suspicion !== undefined && { suspicion }),
    };
  }

  // --- internal ---

  #supervisor(): VirtualServerActor {
    const supervisor = this.#ports.supervisor();
    if (supervisor !== undefined) return supervisor;
    throw new LvscareError("NOT_RUNNING", `${describeVirtualServer(this.#ports.virtualServer())} is cared for no more`);
  }

  #find(server: string, supervisor: VirtualServerActor): Endpoint {
    const snapshot = supervisor.getSnapshot();
    const { members, trouble } = snapshot.context;
    // Its real servers are known but not yet their states: what was asked of them now would be forgotten.
    if (snapshot.hasTag("adopting")) throw notYet(this.#ports.virtualServer(), trouble.lastError?.message);
    const found = members.get(server)?.server.endpoint;
    if (found === undefined) throw notListed(server, this.#ports.virtualServer(), [...members.keys()]);
    return found;
  }
}

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

// --- internal ---

/** Shorter than a client waits for its answer. */
const LONGEST_WAIT_MS = 2000;

function notListed(server: string, virtualServer: NamedVirtualServer, listed: readonly string[]): LvscareError {
  const are =
    listed.length === 0 ? "" : `; they are ${listed.slice(0, 20).join(", ")}${listed.length > 20 ? ", …" : ""}`;
  return new LvscareError("NOT_LISTED", `${server} is no real server of ${describeVirtualServer(virtualServer)}${are}`);
}
