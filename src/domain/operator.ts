import { LvscareError } from "./errors.ts";
import type { Verdict } from "./health.ts";
import type { InService, RealServerStatus } from "./status.ts";
import { describeVirtualServer, type NamedVirtualServer, type OfVirtualServer } from "./virtual-server-name.ts";

/** The result of setting or ending an operator's hold on a real server. */
export interface HoldReport extends OfVirtualServer {
  readonly scheduler: string;
  /** Its status after that, as in the table. */
  readonly realServer: RealServerStatus;
  /** Behind its virtual server, after it; absent from older daemons. */
  readonly inService?: InService;
  /** Before it no operator drained it, and it took no new connections all the same. Absent from older daemons, too. */
  readonly wasOut?: true;
  /** Why the table does not show it yet; absent when it does. */
  readonly pending?: string;
}

/** A check that an operator asked for. */
export interface CheckReport extends OfVirtualServer {
  /** `10.0.0.1:6443` */
  readonly realServer: string;
  /** Absent where it has none. */
  readonly realServerName?: string;
  readonly verdict: Verdict;
  /** It was made by a changed probe that does not decide everywhere yet: how that differs from the one before it. */
  readonly onTrial?: readonly string[];
  /** That probe would take all real servers out, so that it decides nothing: what one of them failed for. */
  readonly suspicion?: string;
}

/** Why a daemon cannot take requests during its start; `problem` is what has delayed the start so far. */
export function notYet(virtualServer: NamedVirtualServer, problem: string | undefined): LvscareError {
  const because = problem === undefined ? "" : `: ${problem}`;
  return new LvscareError(
    "NOT_RUNNING",
    `the daemon of ${describeVirtualServer(virtualServer)} has not taken over the table yet${because}`,
    {
      remedy: "try again",
    },
  );
}
