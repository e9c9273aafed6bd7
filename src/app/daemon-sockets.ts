import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { listenerAt } from "#native";
import { requestStatus } from "../control/client.ts";
import { SOCKET_SUFFIX } from "../control/protocol.ts";
import { addressOfSocket, openRuntimeDirectory, runtimeDirectory } from "../control/runtime-directory.ts";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import { describeElsewhere, type ElsewhereStatus, type VirtualServerStatus } from "../domain/status.ts";
import { networkNamespace, processIn } from "./network-namespace.ts";

/** Where this user's daemons put their sockets. */
export function daemonFolder(): string {
  return runtimeDirectory(process.env, process.getuid?.() ?? 0);
}

/** What this user's daemons said. */
export interface DaemonAnswers<T> {
  /** Of those in this network namespace. */
  readonly told: readonly { readonly socket: string; readonly answer: T }[];
  readonly elsewhere: readonly { readonly where: ElsewhereStatus; readonly answer: T }[];
  /** About daemons that did not answer properly. */
  readonly complaints: readonly string[];
  /** A reason, in case no daemon answered. */
  readonly nobody: string;
  /** The virtual servers of listening daemons that were not asked. */
  readonly unasked: () => readonly string[];
}

/**
 * Asks this user's daemons. If virtual servers are named, only their daemons, because a hanging daemon of another one
 * would cost time. Never rejects because of a daemon. Daemons in other network namespaces are listed apart: their
 * virtual servers are not on this host's.
 */
export async function askDaemons<T>(
  ask: (socket: string) => Promise<T>,
  whose: (answer: T) => { readonly address: string; readonly networkNamespace?: string | undefined },
  virtualServers: readonly string[] = [],
): Promise<DaemonAnswers<T>> {
  const folder = daemonFolder();
  const { sockets, problems } = daemonSockets(folder);
  const asked = sockets.filter(({ address }) => virtualServers.length === 0 || virtualServers.includes(address));
  const answers = await Promise.allSettled(asked.map(({ path }) => ask(path)));
  const told = answers.flatMap((result, at) =>
    result.status === "fulfilled" ? [{ socket: asked[at]?.path ?? "", answer: result.value }] : [],
  );
  const here = networkNamespace();
  const isHere = (answer: T): boolean => (whose(answer).networkNamespace ?? here) === here;
  return {
    told: told.filter(({ answer }) => isHere(answer)),
    elsewhere: told.flatMap(({ answer }) => (isHere(answer) ? [] : [{ where: whereIs(whose(answer)), answer }])),
    complaints: [...problems, ...complaintsOf(answers)],
    nobody: sockets.length > asked.length ? `no daemon cares for ${virtualServers.join(", ")}` : nobodyAnswers(folder),
    unasked: () => {
      const others = sockets.filter((socket) => !asked.includes(socket));
      return [...new Set(others.flatMap(({ path, address }) => (listenerAt(path) === "nobody" ? [] : [address])))];
    },
  };
}

/** Asks for their status; see `askDaemons`. */
export function askForStatus(virtualServers: readonly string[] = []): Promise<DaemonAnswers<VirtualServerStatus>> {
  const whose = ({
    address,
    daemon,
  }: VirtualServerStatus): { address: string; networkNamespace: string | undefined } => ({
    address,
    networkNamespace: daemon?.networkNamespace,
  });
  return askDaemons(requestStatus, whose, virtualServers);
}

/** NOT_RUNNING, with all that is known of why. */
export function notRunning<T>({ nobody, complaints, elsewhere, unasked }: DaemonAnswers<T>): LvscareError {
  const others = elsewhere.map(({ where }) => describeElsewhere(where));
  const caredFor = unasked();
  return new LvscareError("NOT_RUNNING", [nobody, ...complaints, ...others].join("; "), {
    remedy: caredFor.length === 0 ? "start one with lvscare care" : `they care for ${caredFor.join(", ")}`,
  });
}

/** The message when no daemon answers; `rootsFolder` is the folder of root's daemons. */
export function nobodyAnswers(folder: string, rootsFolder = runtimeDirectory({}, 0)): string {
  const nobody = `no lvscare daemon answers in ${folder}`;
  // Without this, a user who forgot sudo would take a running daemon for a stopped one.
  const isRoots = folder === rootsFolder || !existsSync(rootsFolder);
  return isRoots ? nobody : `${nobody}; those that root runs answer only to root`;
}

// --- internal ---

interface DaemonSocket {
  readonly path: string;
  /** Of its virtual server. */
  readonly address: string;
}

/**
 * The sockets of this user's daemons, including those that a killed one left. None from a folder that another user
 * could have filled.
 */
function daemonSockets(folder: string): { readonly sockets: readonly DaemonSocket[]; readonly problems: string[] } {
  try {
    using directory = openRuntimeDirectory(folder, process.getuid?.() ?? 0);
    if (directory === undefined) return { sockets: [], problems: [] };
    const names = readdirSync(directory.at("")).filter((name) => name.endsWith(SOCKET_SUFFIX));
    const sockets = names
      .toSorted()
      .map((name) => ({ path: join(folder, name), address: addressOfSocket(name) ?? "" }));
    return { sockets, problems: [] };
  } catch (error) {
    return { sockets: [], problems: [describeError(error)] };
  }
}

/**
 * Complaints about the daemons that did not answer. A socket without a listener was left by a killed daemon, and is
 * not worth one.
 */
function complaintsOf(answers: readonly PromiseSettledResult<unknown>[]): string[] {
  return answers.flatMap((answer) => {
    if (answer.status === "fulfilled") return [];
    const { reason } = answer as { readonly reason: unknown };
    const errno = reason instanceof LvscareError ? errnoOf(reason.cause) : undefined;
    return errno === "ECONNREFUSED" || errno === "ENOENT" ? [] : [describeError(reason)];
  });
}

function whereIs({
  address,
  networkNamespace: namespace = "",
}: {
  readonly address: string;
  readonly networkNamespace?: string | undefined;
}): ElsewhereStatus {
  const process = processIn(namespace);
  return { address, networkNamespace: namespace, ...(process !== undefined && { process }) };
}
