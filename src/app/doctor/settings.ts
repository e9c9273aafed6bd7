import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../domain/errors.ts";
import { note, ok, problem, unknown, type Finding } from "../../domain/finding.ts";
import { sysctlRows, type SysctlRow } from "../../reach/sysctls.ts";
import { readText } from "./read-text.ts";
import type { Mode, Subject } from "./subject.ts";

export interface Setting extends Omit<SysctlRow, "needed"> {
  /** Undefined when this kernel does not have it, or does not have it yet. */
  readonly actual: string | undefined;
  /** Nothing works without it. */
  readonly isNeeded: boolean;
}

export interface SettingReadings {
  readonly settings: readonly Setting[];
  /** Whether they could be set from here. */
  readonly isWritable: boolean;
  /** Daemons run, and should have set them. */
  readonly isKept: boolean;
}

/** The kernel settings that IPVS and the mode want, as they are. */
export function judgeSettings({ settings, isWritable, isKept }: SettingReadings): Finding[] {
  const standing = settings.filter(({ actual }) => actual !== undefined);
  if (standing.length === 0) {
    return [unknown("sysctl", "the settings of IPVS are not there: they come with the module ip_vs")];
  }
  const wrong = standing.filter(({ actual, wanted }) => actual !== wanted);
  if (wrong.length === 0) return [ok("sysctl", `all ${standing.length} settings are as they should be`)];
  const findings = wrong.map((setting) => judgeSetting(setting, isKept || !isWritable));
  if (isWritable) return findings;
  return [
    ...findings,
    note(
      "sysctl",
      "/proc/sys is read-only here, so a daemon cannot set them",
      "set them on the host as above and start with `--sysctls keep`, or run the container with `--privileged`",
    ),
  ];
}

export function readSettings(subjects: readonly Subject[], fallback: Mode, root = "/proc/sys"): SettingReadings {
  const wanted = subjects
    .filter(({ plane }) => plane !== "userspace")
    .map(({ service, mode }) => ({ mode: mode ?? fallback, family: service.endpoint.family }));
  const tables = wanted.length === 0 ? [{ mode: fallback, family: "ipv4" as const }] : wanted;
  // Strict ARP is a choice: neither value is wrong.
  const all = tables.flatMap((table) => sysctlRows({ ...table, strictArp: false }));
  const rows = new Map(all.map((row) => [`${row.name}=${row.wanted}`, row]));
  const settings = [...rows.values()].map(({ name, wanted: value, why, needed }) => ({
    name,
    wanted: value,
    why,
    isNeeded: needed === true,
    actual: readText(join(root, name))?.trim(),
  }));
  return {
    settings,
    isWritable: settings.filter(({ actual }) => actual !== undefined).every(({ name }) => mayWrite(join(root, name))),
    isKept: subjects.some(({ daemon }) => daemon !== undefined),
  };
}

// --- internal ---

function judgeSetting({ name, wanted, actual, why, isNeeded }: Setting, staysWrong: boolean): Finding {
  const dotted = name.replaceAll("/", ".");
  const message = `${dotted} is ${actual}; with ${wanted}, ${why}`;
  const remedy = `\`sysctl -w ${dotted}=${wanted}\``;
  if (isNeeded && staysWrong) return problem("sysctl", message, remedy);
  return note("sysctl", message, staysWrong ? remedy : `${remedy}, or leave it to \`lvscare care\`, which sets it`);
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
