import { accessSync, constants, readFileSync, realpathSync } from "node:fs";
import { basename } from "node:path";

/** Whom a program runs as. */
export interface ScriptUser {
  readonly uid: number;
  /** Its main group: the only one that the runtime gives a program. */
  readonly gid: number;
  /** The others that it is in. */
  readonly groups: readonly number[];
}

/** A user of this host, by its name; undefined where there is none. */
export function findUser(
  name: string,
  passwd = readFileSync("/etc/passwd", "utf8"),
  group = readFileSync("/etc/group", "utf8"),
): ScriptUser | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid = "", gid = ""] = line.split(":");
    if (user !== name || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) continue;
    return { uid: Number(uid), gid: Number(gid), groups: groupsOf(name, group).filter((one) => one !== Number(gid)) };
  }
  return undefined;
}

/** How a program is started as a user, or why it cannot be. */
export function startAs(
  argv: readonly string[],
  { uid, gid, groups }: ScriptUser,
): { readonly argv: readonly string[]; readonly as: { uid?: number; gid?: number } } | { readonly problem: string } {
  // Another than root has its own groups, and cannot take others.
  if (groups.length === 0 || process.getuid?.() !== 0) return { argv, as: { uid, gid } };
  const setpriv = SETPRIV.find(isSetpriv);
  if (setpriv === undefined) return { problem: NO_SETPRIV };
  const whom = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${[gid, ...groups].join(",")}`];
  return { argv: [setpriv, ...whom, "--", ...argv], as: {} };
}

/** Why no program of a check can run as this user; undefined when one can. */
export function userProblem(name: string): string | undefined {
  const user = findUser(name);
  if (user === undefined) return "no such user in /etc/passwd";
  const own = process.getuid?.();
  if (own !== 0) return own === user.uid ? undefined : "only root can run a program as another user";
  const started = startAs([], user);
  return "problem" in started ? started.problem : undefined;
}

// --- internal ---

/** Of util-linux; nobody but root can write there. */
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"];

const NO_SETPRIV = "it is in more groups than its main one, which takes setpriv (util-linux), and this host has none";

/** That of busybox has the name and hardly anything else. */
function isSetpriv(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return basename(realpathSync(path)) === "setpriv";
  } catch {
    return false;
  }
}

function groupsOf(name: string, group: string): number[] {
  return group.split("\n").flatMap((line) => {
    const [, , gid = "", members = ""] = line.split(":");
    return /^\d+$/.test(gid) && members.split(",").includes(name) ? [Number(gid)] : [];
  });
}
