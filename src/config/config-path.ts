import { dirname } from "node:path";
import { CONFIG_OPTION_ROW } from "./care-option-rows.ts";
import type { GivenOptions } from "./option-row.ts";
import { OptionValues } from "./option-values.ts";
import { parseAbsolutePath, refusal } from "./value-parsers.ts";

/** A configuration file where a service that systemd shuts in can read it. */
export function parseServiceConfigPath(text: string): string {
  const path = parseAbsolutePath(text);
  const hidden = HIDDEN_FROM_SERVICES.find((folder) => path.startsWith(`${folder}/`));
  if (hidden === undefined) return path;
  throw refusal(`the service sees nothing of ${hidden}; put "${text}" elsewhere, such as /etc/lvscare/care.yaml`);
}

/** A configuration file in a folder that a pod can be given as a whole: a file alone would stay what it was at the pod's start. */
export function parsePodConfigPath(text: string): string {
  const path = parseAbsolutePath(text);
  const folder = dirname(path);
  if (folder.split("/").length > 2 && folder === dirname(`${folder}/.`) && !OF_THE_POD.has(folder)) return path;
  throw refusal(
    `the pod is given the whole folder of "${text}"; put it into one of its own, such as /etc/lvscare/care.yaml`,
  );
}

/** The path that `--config` gives, through `parse`; undefined where there is none or it is bad, which goes to `problems`. */
export function readConfigPath(
  given: GivenOptions,
  problems: string[],
  parse: (text: string) => string,
): string | undefined {
  const values = new OptionValues<"config">([CONFIG_OPTION_ROW], given);
  const path = values.readOptional("config", parse);
  problems.push(...values.problems);
  return path;
}

// --- internal ---

/** ProtectHome=yes and PrivateTmp=yes of systemd.exec(5). */
const HIDDEN_FROM_SERVICES = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/** The container's own. */
const OF_THE_POD: ReadonlySet<string> = new Set(["/usr/bin", "/lib/modules", "/run/lvscare"]);
