/**
 * What a step of a dry run does: makes something (`+`), changes it (`~`) or takes it away (`-`); leaves it because it
 * stands (`=`); or is no step, but a warning (`!`).
 */
export type DryRunSign = "+" | "~" | "-" | "=" | "!";

/** One line of a dry run. */
export interface DryRunStep {
  readonly sign: DryRunSign;
  /** What it is about: `service`, `10.0.0.2:6443`, `route 10.103.97.2/32 via 10.0.0.5 metric 50`. */
  readonly subject: string;
  /** What becomes of it: `weight 1 → 0`. */
  readonly change?: string;
  /** When, why, and what it means for clients: `12 open connections drain, 1m at most`. */
  readonly remark?: string;
}

/** What would be done for one virtual server, in order. */
export interface DryRunPlan {
  /** `tcp 10.103.97.2:6443 (apiserver)` */
  readonly virtualServer: string;
  /** `pid 812`: the process that cares for it at present. */
  readonly caretaker?: string;
  /** As long as that one does, this cannot be done. */
  readonly isRefused?: true;
  readonly steps: readonly DryRunStep[];
}

export interface DryRun {
  readonly plans: readonly DryRunPlan[];
  /** About no virtual server in particular. */
  readonly warnings: readonly string[];
}

export interface DryRunCounts {
  readonly changes: number;
  readonly warnings: number;
}

export function countSteps({ plans, warnings }: DryRun): DryRunCounts {
  const signs = plans.flatMap(({ steps }) => steps.map(({ sign }) => sign));
  return {
    changes: signs.filter((sign) => sign === "+" || sign === "~" || sign === "-").length,
    warnings: signs.filter((sign) => sign === "!").length + warnings.length,
  };
}
