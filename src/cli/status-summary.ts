import { conditionOf, countInService, countOut, isInService } from "../domain/in-service.ts";
import type { Condition, OutOfService, RealServerStatus, VirtualServerStatus } from "../domain/status.ts";
import type { Colour, Paint } from "./colour.ts";

/** `serving · 3 of 3 in service`, `degraded · 198 of 200 in service · 2 failed · NO ANSWER through the virtual address` */
export function renderSummary(server: VirtualServerStatus, paint: Paint): string {
  const condition = server.leaving === true ? undefined : conditionOf(server);
  const { count, of } = countInService(server.realServers);
  return [
    condition === undefined
      ? server.leaving === true
        ? "leaving"
        : "no daemon"
      : paint(CONDITION_COLOURS[condition], condition),
    `${count} of ${of} in service`,
    ...[...countOut(server.realServers)].map(([why, out]) => `${out} ${OUT_WORDS[why]}`),
    ...shaky(server.realServers),
    ...(server.way?.answers === false ? ["NO ANSWER through the virtual address"] : []),
    ...(server.daemon?.failing === undefined ? [] : ["nothing can be written"]),
  ].join(" · ");
}

/** `drained by alice`, `failed` */
export function describeOut(out: OutOfService): string {
  return out.why === "drained" ? `drained by ${out.by}` : OUT_WORDS[out.why];
}

// --- internal ---

const CONDITION_COLOURS: Readonly<Record<Condition, Colour>> = {
  serving: "green",
  degraded: "yellow",
  "fail-open": "yellow",
  nobody: "red",
};

const OUT_WORDS: Readonly<Record<OutOfService["why"], string>> = {
  failed: "failed",
  unproved: "not proved yet",
  "shutting-down": "shutting down",
  unanswered: "unanswered",
  drained: "drained",
  "set-aside": "set aside by its check",
  unwritten: "not written yet",
  leaving: "leaving",
  unlisted: "unlisted",
  unknown: "at weight 0",
};

/** In service, but not as well as they should be. */
function shaky(servers: readonly RealServerStatus[]): string[] {
  const serving = servers.filter(isInService);
  const climbing = serving.filter(({ state }) => state === "recovering").length;
  const failing = serving.filter(({ state }) => state === "draining" || state === "removed").length;
  return [
    ...(failing === 0 ? [] : [`${failing} in service though failing`]),
    ...(climbing === 0 ? [] : [`${climbing} climbing`]),
  ];
}
