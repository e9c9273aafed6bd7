import { formatDuration } from "../../domain/duration.ts";
import {
  MOST_MEMBERS,
  paceOf,
  type CheckPace,
  type CombinationOptions,
  type HealthCheckOptions,
  type MemberOptions,
} from "../combination.ts";
import { PROBE_KINDS } from "../probe-kinds/probe-kinds.ts";
import type { Findings } from "./finding.ts";
import { expected } from "./key-value.ts";
import type { Place } from "./place.ts";
import type { CombinationDraft, NamedProbe, ProbeChoice } from "./probe-choice.ts";
import { ProbeDraft, type FileLook } from "./probe-draft.ts";
import type { Resolved, ResolvedSettings } from "./resolved-settings.ts";
import { tellRefused, type Settings } from "./settings.ts";

/** What probes have to do with. */
export interface ProbeSurroundings {
  readonly findings: Findings;
  /** By name. */
  readonly probes: ReadonlyMap<string, ProbeDraft>;
  readonly resolved: ResolvedSettings;
  readonly files: FileLook | undefined;
}

export interface ResolvedChecks {
  /** Undefined when something is wrong with them, which is told. */
  readonly checks: HealthCheckOptions | undefined;
  /** The virtual server's settings, with those of its one probe. */
  readonly resolved: Resolved;
  /** Where a setting stands. */
  readonly placed: (flag: string) => Place | undefined;
}

/** How the real servers of a virtual server are checked that has these settings. What is wrong with any is told. */
export function resolveChecks(
  choice: ProbeChoice | undefined,
  settings: Settings,
  place: Place,
  surroundings: ProbeSurroundings,
): ResolvedChecks {
  const { findings, resolved } = surroundings;
  if (choice === undefined)
    findings.error("probe-none", place, "needs a probe", {
      at: "key",
      hint: "{type: http} is the least (asks over TLS; scheme: http for plain)",
      lacks: ["probe", "probes"],
    });
  const isSeveral = choice !== undefined && "members" in choice;
  const probe = choice === undefined || isSeveral ? undefined : found(choice, surroundings);
  const all = resolved.get(settings, probe && { type: probe.type, settings: probe.settings });
  const placed = (flag: string): Place | undefined => (probe?.settings.get(flag) ?? settings.get(flag))?.place;
  tellRefused(all.refused, placed, place, findings);
  if (isSeveral) return { checks: resolveCombination(choice, settings, surroundings), resolved: all, placed };
  const timeout = placed("health-timeout");
  if (timeout !== undefined) warnOfTime(all, timeout, findings);
  if (probe !== undefined) warnOfAgent(probe, all, findings);
  return { checks: probe?.complete(all.probe, findings, surroundings.files), resolved: all, placed };
}

/** The same of a real server that is checked otherwise; `pace`: that of its virtual server. */
export function resolveOwnChecks(
  choice: ProbeChoice,
  settings: Settings,
  pace: CheckPace,
  surroundings: ProbeSurroundings,
): HealthCheckOptions | undefined {
  if ("members" in choice) return resolveCombination(choice, settings, surroundings);
  const probe = found(choice, surroundings);
  if (probe === undefined) return undefined;
  const member = resolveMember(probe, nameOf(choice, probe, surroundings.findings), settings, surroundings);
  // It counts for itself where it counts otherwise.
  return Bun.deepEquals(member.pace, paceOf(pace))
    ? member.probe
    : { type: "combination", atLeast: 1, members: [member] };
}

/** Where programs are made to ask for weights, of the checks that are chosen. */
export function weightsAsked(
  choice: ProbeChoice | undefined,
  probes: ReadonlyMap<string, ProbeDraft>,
): readonly Place[] {
  if (choice === undefined) return [];
  if ("members" in choice) return choice.members.flatMap((member) => weightsAsked(member, probes));
  const draft = choice instanceof ProbeDraft ? choice : probes.get(choice.probe ?? "");
  const exitCode = draft?.type === "exec" ? draft.settings.get("exec-exit-code") : undefined;
  // With JSON it is refused.
  const isRefused = draft?.settings.get("exec-output")?.texts.at(-1) === "json";
  return exitCode?.texts.at(-1) === "weight" && !isRefused ? [exitCode.place] : [];
}

// --- internal ---

/** What means nothing to an agent. */
function warnOfAgent({ type, settings }: ProbeDraft, { probe, policy, refused }: Resolved, findings: Findings): void {
  if (type !== "agent" || probe.type !== "agent") return;
  for (const key of ["fall", "rise"]) {
    const place = settings.get(key)?.place;
    if (place !== undefined)
      findings.warning("meaningless", place, `what an agent says counts at once, whatever ${key} says`);
  }
  const place = settings.get("agent-stale-after")?.place;
  if (place === undefined || refused.length > 0 || probe.staleAfterMs >= policy.intervalMs) return;
  const [stale, interval] = [probe.staleAfterMs, policy.intervalMs].map(formatDuration);
  findings.warning("probe-time", place, `stale-after ${stale} is shorter than interval ${interval}`);
}

function resolveCombination(
  { place, members: choices, atLeast }: CombinationDraft,
  settings: Settings,
  surroundings: ProbeSurroundings,
): CombinationOptions | undefined {
  const { findings } = surroundings;
  if (choices.length > MOST_MEMBERS) {
    findings.error("limit", place, `${choices.length} probes are more than ${MOST_MEMBERS}`);
    return undefined;
  }
  const members: MemberOptions[] = [];
  for (const choice of choices) {
    const probe = found(choice, surroundings);
    if (probe === undefined) continue;
    const said = nameOf(choice, probe, findings);
    const isKnown = (name: string): boolean => members.some((other) => other.name === name);
    const isOwn = !(choice instanceof ProbeDraft) || probe.label(findings) !== undefined;
    if (isOwn && isKnown(said)) {
      const hint = { hint: "give them names of their own" };
      findings.error("same-name", choice.place, `${said} is already the name of one of these probes`, hint);
    }
    members.push(resolveMember(probe, isOwn ? said : unusedName(said, isKnown), settings, surroundings));
  }
  const count = atLeast === undefined ? choices.length : readCount(atLeast, choices.length, findings);
  return members.length === choices.length && members.length > 0 && count !== undefined
    ? { type: "combination", atLeast: count, members }
    : undefined;
}

function resolveMember(
  probe: ProbeDraft,
  name: string,
  settings: Settings,
  { resolved, findings, files }: ProbeSurroundings,
): MemberOptions {
  const all = resolved.get(settings, { type: probe.type, settings: probe.settings });
  const told = new Set(resolved.get(settings).refused.map(({ flag }) => flag));
  const own = all.refused.filter(({ flag }) => probe.settings.has(flag) || !told.has(flag));
  const interval = probe.settings.get("interval")?.place ?? probe.place;
  tellRefused(own, (flag) => probe.settings.get(flag)?.place, interval, findings);
  const timeout = probe.settings.get("health-timeout")?.place;
  if (timeout !== undefined) warnOfTime(all, timeout, findings);
  warnOfAgent(probe, all, findings);
  return { name, probe: probe.complete(all.probe, findings, files), pace: paceOf(all.policy) };
}

/** The one that is meant. */
function found(choice: NamedProbe | ProbeDraft, { probes, findings }: ProbeSurroundings): ProbeDraft | undefined {
  if (choice instanceof ProbeDraft) return choice;
  const { probe: name, place } = choice;
  if (name === undefined) return undefined;
  const named = probes.get(name);
  if (named === undefined) {
    const isType = PROBE_KINDS.some(({ type }) => type === name);
    const known = probes.size === 0 ? "there are none" : `there are ${[...probes.keys()].slice(0, 20).join(", ")}`;
    findings.error("unknown-probe", place, `no probe has the name ${name}`, {
      hint: isType ? `write {type: ${name}} for a check of that type` : known,
    });
  }
  return named;
}

function nameOf(choice: NamedProbe | ProbeDraft, probe: ProbeDraft, findings: Findings): string {
  return choice instanceof ProbeDraft ? (probe.label(findings) ?? probe.type) : (choice.probe ?? probe.type);
}

/** `tcp`, `tcp-2` of the second one. */
function unusedName(name: string, isKnown: (name: string) => boolean): string {
  for (let number = 1; ; number++) {
    const one = number === 1 ? name : `${name}-${number}`;
    if (!isKnown(one)) return one;
  }
}

function readCount(
  { value, place }: NonNullable<CombinationDraft["atLeast"]>,
  most: number,
  findings: Findings,
): number | undefined {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    findings.error("type", place, expected("a whole number", value).problem);
    return undefined;
  }
  if (value >= 1 && value <= most) return value;
  findings.error("range", place, value < 1 ? `${value} is less than 1` : `${value} is more than the ${most} probes`);
  return undefined;
}

/** A time that was refused is not the one that it says. */
function warnOfTime({ probe, policy, refused }: Resolved, place: Place, findings: Findings): void {
  const [{ timeoutMs }, { intervalMs }] = [probe, policy];
  if (timeoutMs <= intervalMs || refused.some(({ flag }) => flag === "health-timeout" || flag === "interval")) return;
  const [longer, shorter] = [timeoutMs, intervalMs].map(formatDuration);
  findings.warning("probe-time", place, `timeout ${longer} is longer than interval ${shorter}`);
}
