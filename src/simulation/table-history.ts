import type { ServerFault } from "../domain/simulation-report.ts";
import type { RealServer } from "../domain/virtual-server.ts";

/** A real server's weight from a moment on; undefined: absent from the table. */
interface WeightSince {
  readonly atMs: number;
  readonly weight: number | undefined;
}

/** Each real server's weights in the table, from the first moment to the last. */
export class TableHistory {
  readonly #histories = new Map<string, WeightSince[]>();

  /** The table as it is from now on. */
  note(atMs: number, table: ReadonlyMap<string, RealServer>): void {
    for (const key of new Set([...this.#histories.keys(), ...table.keys()])) {
      const history = this.#histories.get(key) ?? [];
      const weight = table.get(key)?.weight;
      if (history.at(-1)?.weight !== weight) history.push({ atMs, weight });
      this.#histories.set(key, history);
    }
  }

  get servers(): readonly string[] {
    return [...this.#histories.keys()];
  }

  /** How often it lost its weight. */
  timesOut(server: string): number {
    const history = this.#histories.get(server) ?? [];
    return history.filter(({ weight }, index) => !takesAny(weight) && takesAny(history[index - 1]?.weight)).length;
  }

  /** The effect of each fault, observed until the next one begins. */
  judge(
    server: string,
    faults: readonly { readonly fromMs: number; readonly toMs: number }[],
    weight: number,
  ): ServerFault[] {
    const history = this.#histories.get(server) ?? [];
    return faults.map(({ fromMs, toMs }, index) => {
      const nextMs = faults[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      const seen = history.filter(({ atMs }) => atMs >= fromMs && atMs < nextMs);
      const out = seen.find((one) => !takesAny(one.weight));
      const removed = seen.find((one) => one.weight === undefined);
      const back = seen.find((one) => out !== undefined && one.atMs > out.atMs && (one.weight ?? 0) >= weight);
      return {
        fromMs,
        ...(Number.isFinite(toMs) && { toMs }),
        ...(out !== undefined && { outAfterMs: out.atMs - fromMs }),
        ...(removed !== undefined && { removedAfterMs: removed.atMs - fromMs }),
        ...(back !== undefined && { backAfterMs: Math.max(0, back.atMs - toMs) }),
      };
    });
  }
}

// --- internal ---

function takesAny(weight: number | undefined): boolean {
  return weight !== undefined && weight > 0;
}
