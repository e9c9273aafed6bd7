import { readFileSync } from "node:fs";

/** Whom a program runs as. */
export interface ScriptUser {
  readonly uid: number;
  /** Its main group. The runtime gives a program no other ones beside it. */
  readonly gid: number;
}

/** A user of this host, by its name; undefined where there is none. */
export function findUser(name: string, passwd = readFileSync("/etc/passwd", "utf8")): ScriptUser | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid = "", gid = ""] = line.split(":");
    if (user === name && /^\d+$/.test(uid) && /^\d+$/.test(gid)) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Why no program of a check can run as this user; undefined when one can. */
export function userProblem(name: string): string | undefined {
  const user = findUser(name);
  if (user === undefined) return "no such user in /etc/passwd";
  const own = process.getuid?.();
  return own === 0 || own === user.uid ? undefined : "only root can run a program as another user";
}
