import { fromCallback, type CallbackActorLogic } from "xstate";
import type { Round, RoundReport, RoundRunner } from "../dataplane/round.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";

export interface WriterInput {
  readonly key: ServiceKey;
  readonly now: () => number;
}

export interface WriteCommand {
  readonly type: "apply";
  readonly round: Round;
}

/** How a round ended: with a result, or without having been able to do anything. And what calls for another. */
export type WriterReport =
  | { readonly type: "round.ended"; readonly report: RoundReport }
  | { readonly type: "round.broke"; readonly error: unknown }
  /** Others changed the table, which is watched between rounds. */
  | { readonly type: "table.deviated" };

/**
 * Runs a supervisor's rounds, one at a time, and reports how they ended. It lasts as long as the supervisor: with an
 * actor for each round, the machine would copy its list of children twice a round, and a thousand real servers are in
 * it.
 */
export function writer(
  open: (input: WriterInput, deviates: () => void) => RoundRunner,
): CallbackActorLogic<WriteCommand, WriterInput> {
  return fromCallback(({ input, receive, sendBack }) => {
    const runner = open(input, () => sendBack({ type: "table.deviated" }));
    receive(({ round }) => {
      runner.apply(round).then(
        (report) => sendBack({ type: "round.ended", report }),
        (error: unknown) => sendBack({ type: "round.broke", error }),
      );
    });
    return () => runner.close();
  });
}
