import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SOCKET_SUFFIX } from "../control/protocol.ts";
import { runtimeDirectory } from "../control/runtime-directory.ts";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";

/** Where this user's daemons put their sockets. */
export function daemonFolder(): string {
  return runtimeDirectory(process.env, process.getuid?.() ?? 0);
}

/** The sockets of this user's daemons, those that a killed one left included. */
export function daemonSockets(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(SOCKET_SUFFIX))
      .toSorted()
      .map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** What those daemons have to be told of that did not answer. A socket that nobody listens at was left by a killed one, and is no news. */
export function complaintsOf(answers: readonly PromiseSettledResult<unknown>[]): string[] {
  return answers.flatMap((answer) => {
    if (answer.status === "fulfilled") return [];
    const { reason } = answer as { readonly reason: unknown };
    const errno = reason instanceof LvscareError ? errnoOf(reason.cause) : undefined;
    return errno === "ECONNREFUSED" || errno === "ENOENT" ? [] : [describeError(reason)];
  });
}

/** What to say when no daemon answers; `rootsFolder` is where those of root would be. */
export function nobodyAnswers(folder: string, rootsFolder = runtimeDirectory({}, 0)): string {
  const nobody = `no lvscare daemon answers in ${folder}`;
  // Without this, who forgot sudo would take a daemon that runs well for one that does not run.
  const isRoots = folder === rootsFolder || !existsSync(rootsFolder);
  return isRoots ? nobody : `${nobody}; those that root runs answer only to root`;
}
