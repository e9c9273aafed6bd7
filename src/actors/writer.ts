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

/** How a round ended: with what it did, or without having been able to do anything. */
export type WriterReport =
  | { readonly type: "round.ended"; readonly report: RoundReport }
  | { readonly type: "round.broke"; readonly error: unknown };

/**
 * Does the rounds of a supervisor, one at a time, and tells their ends. It lasts as long as the supervisor: an actor for each round would have
 * the machine copy its list of children twice a round, and a thousand real servers are in there.
 */
export function writer(open: (input: WriterInput) => RoundRunner): CallbackActorLogic<WriteCommand, WriterInput> {
  return fromCallback(({ input, receive, sendBack }) => {
    const runner = open(input);
    receive(({ round }) => {
      runner.apply(round).then(
        (report) => sendBack({ type: "round.ended", report }),
        (error: unknown) => sendBack({ type: "round.broke", error }),
      );
    });
  });
}
