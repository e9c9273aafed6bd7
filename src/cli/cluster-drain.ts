import type { ClusterChange, ClusterChanged } from "../app/cluster.ts";
import type { ClusterLine } from "../config/cluster-rows.ts";
import type { ClusterDrain } from "../domain/cluster-drain.ts";
import { isOver, progressOf, type ClusterStatus } from "../domain/cluster-status.ts";
import { formatDuration } from "../domain/duration.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import type { CliContext } from "./cli-context.ts";
import { describeDrains, describeProgress } from "./cluster-text.ts";
import { exitNow } from "./exit.ts";
import { ownLines } from "./output.ts";
import { isCutShort, listenForStop, pause } from "./stopping.ts";

export interface ClusterWork extends ClusterChange {
  readonly line: ClusterLine;
  readonly format: "text" | "json";
  /** Undefined: not at all. */
  readonly waitMs: number | undefined;
}

/** Drains on all nodes, or ends that, and waits for them. Resolves to the exit code. */
export async function runOnCluster(work: ClusterWork, context: CliContext): Promise<number> {
  const { changeCluster } = await import("../app/cluster.ts");
  const { line, change, addresses, format, waitMs } = work;
  const changed = await changeCluster(line, { change, addresses });
  if (waitMs === undefined || change === "undrain") {
    await context.out.write(render(work, changed));
    await context.err.remark(ownLines(changed.notes));
    return 0;
  }
  await context.neverBlock();
  using stop = listenForStop(() => exitNow(1));
  const { status, code, problems } = await untilOver(work, changed, waitMs, stop.signal, context);
  const text = format === "json" ? `${JSON.stringify(status)}\n` : render(work, { ...changed, status });
  const told = context.out.write(text).then(() => context.err.remark(ownLines(problems)));
  return (await isCutShort(told, stop.signal)) ? 1 : code;
}

// --- internal ---

const PAUSE_MS = 2000;

function render({ format, addresses, change }: ClusterWork, { status }: ClusterChanged): string {
  if (format === "json") return `${JSON.stringify(status)}\n`;
  if (change === "undrain")
    return addresses.map((address) => `${address}: no longer drained by the cluster\n`).join("");
  const meant = status.drained.filter(({ address }) => addresses.includes(address));
  return describeDrains({ ...status, drained: meant }, new Date())
    .map((line) => `${line}\n`)
    .join("");
}

interface Waited {
  readonly status: ClusterStatus;
  readonly code: number;
  readonly problems: readonly string[];
}

async function untilOver(
  { line, addresses }: ClusterWork,
  { status: first, notes }: ClusterChanged,
  waitMs: number,
  stop: AbortSignal,
  { err }: CliContext,
): Promise<Waited> {
  const { collectCluster } = await import("../app/cluster.ts");
  // Not for longer than one is to go on: the reader may be stuck.
  const tell = (text: readonly string[]): Promise<boolean> => isCutShort(err.remark(ownLines(text)), stop);
  await tell(notes);
  const meant = first.drained.filter(({ address }) => addresses.includes(address));
  const silent = first.nodes.filter(({ reports }) => reports.length === 0).map(({ node }) => node);
  if (silent.length > 0)
    await tell([`no daemon has reported from ${silent.join(", ")}: what is drained there is not known`]);
  const startMs = performance.now();
  let status = first;
  let last = "";
  for (;;) {
    const lifted = meant.filter((drain) => !status.drained.some((one) => isSame(one, drain)));
    if (lifted.length > 0) {
      const who = lifted.map(({ address }) => address).join(", ");
      return { status, code: 1, problems: [`${who}: no longer drained: somebody let it go meanwhile`] };
    }
    if (meant.every(({ address, since }) => isOver(progressOf(status.nodes, address, since))))
      return { status, code: 0, problems: [] };
    const progress = meant.map((drain) => `${drain.address}: ${describeProgress(status.nodes, drain)}`);
    if (progress.join("\n") !== last) await tell(progress);
    last = progress.join("\n");
    const spentMs = performance.now() - startMs;
    if (spentMs >= waitMs || (await pause(Math.min(PAUSE_MS, waitMs - spentMs), stop)))
      return {
        status,
        code: 1,
        problems: [`not over after ${formatDuration(Math.round(Math.min(spentMs, waitMs)))}; it stays drained`],
      };
    const next = await collectCluster(line).catch((error: unknown) => {
      // It may be the very API server that is drained which ended.
      if (!(error instanceof LvscareError) || error.code !== "CLUSTER_FAILED") throw error;
      return describeError(error);
    });
    if (typeof next !== "string") status = next;
    else if (next !== last) await tell([`${next}; waiting for it`]);
    if (typeof next === "string") last = next;
  }
}

function isSame(
  one: { readonly address: string } & ClusterDrain,
  other: { readonly address: string } & ClusterDrain,
): boolean {
  return one.address === other.address && one.since === other.since;
}
