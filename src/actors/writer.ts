import { fromCallback, type CallbackActorLogic } from "xstate";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { applyPlan, type ApplyInput, type ApplyReport } from "./apply-plan.ts";

export interface WriteCommand {
  readonly type: "apply";
  readonly input: ApplyInput;
}

/** How a round ended: with what it did, or without having been able to do anything. */
export type WriterReport =
  | { readonly type: "round.ended"; readonly report: ApplyReport }
  | { readonly type: "round.broke"; readonly error: unknown };

/**
 * Does the rounds of a supervisor, one at a time, and tells their ends. It lasts as long as the supervisor: an actor for each round would have
 * the machine copy its list of children twice a round, and a thousand real servers are in there.
 */
export function writer(dataPlane: DataPlane): CallbackActorLogic<WriteCommand> {
  return fromCallback(({ receive, sendBack }) => {
    receive(({ input }) => {
      applyPlan(dataPlane, input).then(
        (report) => sendBack({ type: "round.ended", report }),
        (error: unknown) => sendBack({ type: "round.broke", error }),
      );
    });
  });
}
