import { waitFor } from "../../kernel/support/wait-for.ts";
import type { ControlPlane } from "./control-plane.ts";

/** What an API server counts of requests for EndpointSlices, whoever made them. */
export interface ApiLoad {
  /** Since it started. */
  readonly lists: number;
  /** Watches that are open. */
  readonly watches: number;
}

/** By its own metrics. */
export async function apiLoad(plane: ControlPlane, master: string): Promise<ApiLoad> {
  const { stdout } = await waitFor(
    () => plane.ask(master, "/metrics"),
    ({ exitCode }) => exitCode === 0,
    { timeoutMs: 60_000 },
  );
  return {
    lists: sumOf(stdout, "apiserver_request_total", "LIST"),
    watches: sumOf(stdout, "apiserver_longrunning_requests", "WATCH"),
  };
}

/** What is more in the second one. */
export function loadSince(before: ApiLoad = { lists: 0, watches: 0 }, after: ApiLoad): ApiLoad {
  return { lists: after.lists - before.lists, watches: after.watches - before.watches };
}

// --- internal ---

function sumOf(metrics: string, family: string, verb: string): number {
  const samples = metrics.matchAll(new RegExp(`^${family}\\{([^}]*)\\} (\\S+)$`, "gm"));
  return Array.from(samples, ([, labels = "", value]) => {
    const isIt = labels.includes('resource="endpointslices"') && labels.includes(`verb="${verb}"`);
    return isIt ? Number(value) : 0;
  }).reduce((sum, value) => sum + value, 0);
}
