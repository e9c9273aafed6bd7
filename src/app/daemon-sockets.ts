import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { listenerAt } from "#native";
import { requestListing, requestStatuses } from "../control/client.ts";
import { SOCKET_SUFFIX } from "../control/protocol.ts";
import { openRuntimeDirectory, runtimeDirectory, virtualServerOfSocket } from "../control/runtime-directory.ts";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import type { DaemonListing } from "../domain/listing.ts";
import { listFirst } from "../domain/name.ts";
import { describeElsewhere, type ElsewhereStatus, type VirtualServerStatus } from "../domain/status.ts";
import {
  describeVirtualServer,
  isVirtualServerCalled,
  type NamedVirtualServer,
} from "../domain/virtual-server-name.ts";
import { networkNamespace, processIn } from "./network-namespace.ts";

/** Where this user's daemons put their sockets. */
export function daemonFolder(): string {
  return runtimeDirectory(process.env, process.getuid?.() ?? 0);
}

/** What this user's daemons said. */
export interface DaemonAnswers<T> {
  /** Of those in this network namespace, one for each virtual server. */
  readonly told: readonly { readonly socket: string; readonly answer: T }[];
  readonly elsewhere: readonly { readonly where: ElsewhereStatus; readonly answers: readonly T[] }[];
  /** About daemons that did not answer properly. */
  readonly complaints: readonly string[];
  /** A reason, in case nothing was told. */
  readonly nobody: string;
  /** What running daemons care for besides. */
  readonly others: () => Promise<readonly string[]>;
}

/** The virtual server that an answer is about, and where that is. */
export interface Whereabouts extends Omit<NamedVirtualServer, "name"> {
  readonly networkNamespace?: string | undefined;
}

/**
 * Asks this user's daemons, each once; `ask` resolves to an answer for each virtual server. If virtual servers are
 * named, by address or name, only daemons that may have them, because a hanging one of another would cost time. Never
 * rejects because of a daemon. Daemons in other network namespaces are listed apart: their virtual servers are not on
 * this host.
 */
export async function askDaemons<T>(
  ask: (socket: string, virtualServers: readonly string[]) => Promise<readonly T[]>,
  whose: (answer: T) => Whereabouts,
  virtualServers: readonly string[] = [],
): Promise<DaemonAnswers<T>> {
  const folder = daemonFolder();
  const { sockets, problems } = daemonSockets(folder);
  const isAsked = ({ virtualServer }: DaemonSocket): boolean =>
    virtualServers.length === 0 ||
    virtualServer === undefined ||
    virtualServers.some((word) => isVirtualServerCalled(word, virtualServer));
  const asked = sockets.filter(isAsked);
  const results = await Promise.allSettled(asked.map(({ path }) => ask(path, virtualServers)));
  const answered = results.flatMap((result, at) =>
    result.status === "fulfilled" ? [{ socket: asked[at]?.path ?? "", answers: result.value }] : [],
  );
  const here = networkNamespace();
  const isHere = (answer: T): boolean => (whose(answer).networkNamespace ?? here) === here;
  const elsewhere = answered.flatMap(({ answers }) => {
    const theirs = answers.filter((answer) => !isHere(answer));
    const [first, ...more] = theirs.map(whose);
    return first === undefined ? [] : [{ where: whereIs([first, ...more]), answers: theirs }];
  });
  const hasOthers = sockets.length > asked.length || answered.some(({ answers }) => answers.length === 0);
  const what = virtualServers.length === 0 ? "a virtual server" : listFirst(virtualServers);
  return {
    told: answered.flatMap(({ socket, answers }) => answers.filter(isHere).map((answer) => ({ socket, answer }))),
    elsewhere,
    complaints: [...problems, ...complaintsOf(results)],
    nobody: hasOthers ? `no daemon cares for ${what}` : nobodyAnswers(folder),
    others: () => caredFor(sockets.filter((socket) => !isAsked(socket) || socket.virtualServer === undefined)),
  };
}

/** Asks for their status; see `askDaemons`. */
export function askForStatus(virtualServers: readonly string[] = []): Promise<DaemonAnswers<VirtualServerStatus>> {
  const whose = ({ address, protocol, daemon }: VirtualServerStatus): Whereabouts => ({
    address,
    protocol,
    networkNamespace: daemon?.networkNamespace,
  });
  return askDaemons(requestStatuses, whose, virtualServers);
}

/** A daemon and what it cares for. */
interface ListedDaemon {
  readonly socket: string;
  readonly listing: DaemonListing;
}

/** What this user's daemons in this network namespace care for. */
export interface DaemonList {
  readonly daemons: readonly ListedDaemon[];
  /** About those that did not answer properly, or in time. */
  readonly complaints: readonly string[];
}

/** Never rejects. `mayHaveFile`: asks only those that may have a configuration file. */
export function listDaemons({ mayHaveFile = false, timeoutMs = LISTING_TIMEOUT_MS } = {}): Promise<DaemonList> {
  const { sockets } = daemonSockets(daemonFolder());
  return listingsOf(
    mayHaveFile ? sockets.filter(({ virtualServer }) => virtualServer === undefined) : sockets,
    timeoutMs,
  );
}

/** NOT_RUNNING, with all that is known of why. */
export async function notRunning<T>({
  nobody,
  complaints,
  elsewhere,
  others,
}: DaemonAnswers<T>): Promise<LvscareError> {
  const far = elsewhere.map(({ where }) => describeElsewhere(where));
  const caredFor = await others();
  return new LvscareError("NOT_RUNNING", [nobody, ...complaints, ...far].join("; "), {
    remedy: caredFor.length === 0 ? "start one with lvscare care" : `they care for ${listFirst(caredFor)}`,
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

const LISTING_TIMEOUT_MS = 3000;

interface DaemonSocket {
  readonly path: string;
  /** Undefined for a daemon whose virtual servers change. */
  readonly virtualServer: NamedVirtualServer | undefined;
}

async function listingsOf(sockets: readonly DaemonSocket[], timeoutMs: number): Promise<DaemonList> {
  const here = networkNamespace();
  const results = await Promise.allSettled(sockets.map(({ path }) => requestListing(path, timeoutMs)));
  const daemons = results.flatMap((result, at) => {
    if (result.status === "rejected" || (result.value.networkNamespace ?? here) !== here) return [];
    return [{ socket: sockets[at]?.path ?? "", listing: result.value }];
  });
  return { daemons, complaints: complaintsOf(results) };
}

/** A name tells what its daemon cares for, without asking one that may hang; where it does not, the daemon does. */
async function caredFor(sockets: readonly DaemonSocket[]): Promise<readonly string[]> {
  const { daemons } = await listingsOf(
    sockets.filter(({ virtualServer }) => virtualServer === undefined),
    LISTING_TIMEOUT_MS,
  );
  const named = sockets.flatMap(({ path, virtualServer }) =>
    virtualServer === undefined || listenerAt(path) === "nobody" ? [] : [describeVirtualServer(virtualServer)],
  );
  const listed = daemons.flatMap(({ listing }) => listing.virtualServers.map(describeVirtualServer));
  return [...new Set([...named, ...listed])];
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
      .map((name) => ({ path: join(folder, name), virtualServer: virtualServerOfSocket(name) }));
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

function whereIs([first, ...others]: readonly [Whereabouts, ...Whereabouts[]]): ElsewhereStatus {
  const { address, protocol, networkNamespace: namespace = "" } = first;
  const process = processIn(namespace);
  return {
    address,
    protocol,
    ...(others.length > 0 && { others: others.length }),
    networkNamespace: namespace,
    ...(process !== undefined && { process }),
  };
}
