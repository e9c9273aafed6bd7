import type { ExecProbeOptions } from "../config/probe-kinds/exec.ts";
import type { Clock } from "../probe/clock.ts";
import type { ScriptRunner } from "../probe/exec/exec-prober.ts";
import type { Answering, ServerScript } from "./behaviour.ts";

/** Stands in for the programs of checks: each says what its real server does at that moment, as such programs do. */
export function scriptedPrograms(
  { exitCode, output }: ExecProbeOptions,
  scripts: ReadonlyMap<string, ServerScript>,
  clock: Clock,
): ScriptRunner {
  return {
    run({ environment, timeoutMs }, done, ended) {
      const behaviour = scripts.get(environment["LVSCARE_REAL_SERVER"] ?? "")?.at(clock.now()) ?? { kind: "refuses" };
      const afterMs = behaviour.kind === "answers" ? behaviour.afterMs : behaviour.kind === "refuses" ? 1 : timeoutMs;
      const isLate = afterMs >= timeoutMs;
      const timer = clock.setTimeout(
        () => {
          const end =
            behaviour.kind === "answers" ? endOf(behaviour, exitCode, output) : { exitCode: 1, output: "refused\n" };
          done(isLate ? { exitCode: undefined, output: "", isLate } : { ...end, isLate });
          ended();
        },
        Math.min(afterMs, timeoutMs),
      );
      return {
        kill: () => {
          clock.clearTimeout(timer);
          ended();
        },
      };
    },
  };
}

// --- internal ---

function endOf(
  { status, says }: Answering,
  meaning: ExecProbeOptions["exitCode"],
  output: ExecProbeOptions["output"],
): { readonly exitCode: number; readonly output: string } {
  const isWell = status < 400 && says?.kind !== "notServing";
  const reason = isWell ? "serving" : status < 400 ? "not serving" : `status ${status}`;
  const weight = says?.kind === "weight" ? says.weight : undefined;
  if (output === "json") {
    const words = { healthy: isWell, reason, ...(weight !== undefined && { weight }) };
    return { exitCode: 0, output: `${JSON.stringify(words)}\n` };
  }
  const exitCode = !isWell ? 1 : meaning === "weight" && weight !== undefined ? weight + 2 : 0;
  return { exitCode, output: `${reason}\n` };
}
