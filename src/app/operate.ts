import { readFileSync } from "node:fs";
import { requestCheck, requestHold, type RequestTarget } from "../control/client.ts";
import { LvscareError } from "../domain/errors.ts";
import { isOperatorName, type HoldChange } from "../domain/hold.ts";
import { describeNamed, isCalled, listFirst } from "../domain/name.ts";
import { notYet, type CheckReport, type HoldReport } from "../domain/operator.ts";
import {
  commandWord,
  describeVirtualServer,
  exactWord,
  isVirtualServerCalled,
  keyOf,
} from "../domain/virtual-server-name.ts";
import { describeElsewhere, type RealServerStatus, type VirtualServerStatus } from "../domain/status.ts";
import { askForStatus, notRunning } from "./daemon-sockets.ts";

/** A real server that an operator names, behind these virtual servers. With no virtual server named, only one may have it. */
export interface OperatorTarget {
  /** Formatted endpoint, or name. */
  readonly realServer: string;
  /** Formatted endpoints or keys, or names. */
  readonly virtualServers: readonly string[];
}

/** Several of them, each behind the same virtual servers. */
export interface OperatorTargets extends Omit<OperatorTarget, "realServer"> {
  readonly realServers: readonly string[];
}

export interface HoldOutcome {
  readonly reports: readonly HoldReport[];
  /** Of the daemons that did not do it. */
  readonly failures: readonly unknown[];
  /** Of daemons in other network namespaces that have this real server, and were not asked. */
  readonly mentions: readonly string[];
  /**
   * By the keys of virtual servers: the word that tells them from others behind which such real servers stand, too.
   * None where nobody need name it.
   */
  readonly words: ReadonlyMap<string, string>;
}

/**
 * Asks this user's daemons to hold real servers, or to let them go, one after the other. Rejects before any change when
 * one of the targets is ambiguous or not there.
 */
export async function holdRealServers(targets: OperatorTargets, change: HoldChange): Promise<HoldOutcome> {
  const { found, mentions, words } = await findTargets(targets);
  const by = operatorName(process.env);
  const reports: HoldReport[] = [];
  const failures: unknown[] = [];
  for (const all of Map.groupBy(found, ({ realServer }) => realServer.address).values()) {
    const answers = await Promise.allSettled(
      all.map(({ socket, ...request }) => requestHold(socket, requestOf(request), change, by)),
    );
    for (const answer of answers) {
      if (answer.status === "fulfilled") reports.push(answer.value);
      else failures.push(answer.reason);
    }
  }
  return { mentions, reports, failures, words };
}

export interface DrainProgress {
  /** That are open, behind all of them together. */
  readonly connections: number;
  /** No operator let one go in the meantime. */
  readonly isDrained: boolean;
}

/** A real server that was drained behind one virtual server. */
export interface DrainedServer {
  /** The key of its virtual server. */
  readonly virtualServer: string;
  /** Formatted endpoint. */
  readonly realServer: string;
}

/** How far their drain is. Rejects with NOT_RUNNING and NOT_LISTED where nobody tells. */
export async function drainProgress(drained: readonly DrainedServer[]): Promise<DrainProgress> {
  const words = [...new Set(drained.map(({ virtualServer }) => virtualServer))];
  const answers = await askForStatus(words);
  if (answers.told.length === 0) throw await notRunning(answers);
  const candidates = answers.told.map(({ answer }) => answer);
  await requireEach(words, candidates, answers);
  const servers = drained.flatMap(({ virtualServer, realServer }) => {
    const found = candidates.filter((one) => keyOf(one) === virtualServer);
    const called = found.flatMap((one) => serversCalled(realServer, one));
    if (called.length === 0) throw notFound(realServer, found, true, answers.complaints);
    return called;
  });
  return {
    connections: servers.reduce((sum, { activeConnections }) => sum + activeConnections, 0),
    isDrained: servers.every(({ hold }) => hold?.drained === true),
  };
}

export interface CheckOutcome {
  readonly reports: readonly CheckReport[];
  /** As in `HoldOutcome`. */
  readonly mentions: readonly string[];
}

/** Asks them to check a real server now. Rejects as `holdRealServers` does. */
export async function checkRealServer({ realServer, ...where }: OperatorTarget): Promise<CheckOutcome> {
  const { found, mentions } = await findTargets({ realServers: [realServer], ...where });
  const reports = await Promise.all(found.map(({ socket, ...request }) => requestCheck(socket, requestOf(request))));
  return { reports, mentions };
}

/** The name of the operator, for later reports: the user behind sudo or doas, where these say. */
export function operatorName(environment: Readonly<Record<string, string | undefined>>): string {
  const { SUDO_USER, DOAS_USER } = environment;
  const behind = SUDO_USER ?? DOAS_USER;
  if (behind !== undefined && isOperatorName(behind)) return behind;
  const uid = process.getuid?.() ?? 0;
  const name = nameOfUser(uid);
  return name !== undefined && isOperatorName(name) ? name : `uid ${uid}`;
}

// --- internal ---

/**
 * From passwd(5), because the runtime only knows a user's name from the environment. Undefined where the user has
 * none, or there is no such file.
 */
function nameOfUser(uid: number): string | undefined {
  try {
    const rows = readFileSync("/etc/passwd", "utf8").split("\n");
    return rows.map((row) => row.split(":")).find(([, , id]) => id === String(uid))?.[0];
  } catch {
    return undefined;
  }
}

interface FoundServer {
  readonly socket: string;
  readonly virtualServer: VirtualServerStatus;
  readonly realServer: RealServerStatus;
}

function requestOf({ virtualServer, realServer }: Omit<FoundServer, "socket">): RequestTarget {
  return { virtualServer: keyOf(virtualServer), server: realServer.address };
}

interface FoundTargets {
  /** One for each virtual server. */
  readonly found: readonly FoundServer[];
  readonly mentions: HoldOutcome["mentions"];
  readonly words: HoldOutcome["words"];
}

async function findTargets({ realServers, virtualServers }: OperatorTargets): Promise<FoundTargets> {
  const answers = await askForStatus(virtualServers);
  if (answers.told.length === 0) throw await notRunning(answers);
  const candidates = answers.told.map(({ answer }) => answer);
  await requireEach(virtualServers, candidates, answers);
  const found = realServers.flatMap((word) => findTarget(word, virtualServers, candidates, answers));
  const elsewhere = answers.elsewhere.filter((one) =>
    one.answers.some((status) => realServers.some((word) => serversCalled(word, status).length > 0)),
  );
  return {
    // By its name and by its address it is the same.
    found: [...new Map(found.map((one) => [`${keyOf(one.virtualServer)} ${one.realServer.address}`, one])).values()],
    mentions: elsewhere.map(({ where }) => describeElsewhere(where)),
    words: new Map(
      found
        .filter((one) => virtualServers.length > 0 || isCalledElsewhere(one, candidates))
        .map(({ virtualServer: one }) => [keyOf(one), commandWord(one, virtualServers, candidates)]),
    ),
  };
}

/** Its name, by which reports call it, may be that of another one, too, although its address was not. */
function isCalledElsewhere(
  { virtualServer, realServer: { name, address } }: FoundServer,
  candidates: readonly VirtualServerStatus[],
): boolean {
  return candidates.some((one) => one !== virtualServer && serversCalled(name ?? address, one).length > 0);
}

/** One for each virtual server that is meant. */
function findTarget(
  word: string,
  words: readonly string[],
  candidates: readonly VirtualServerStatus[],
  answers: Awaited<ReturnType<typeof askForStatus>>,
): readonly FoundServer[] {
  const found = answers.told.flatMap(({ socket, answer }) =>
    serversCalled(word, answer).map((realServer) => ({ socket, virtualServer: answer, realServer })),
  );
  const having = new Set(found.map(({ virtualServer }) => virtualServer));
  // All named ones must have it: a request is not done by halves.
  const lacking = candidates.filter((one) => !having.has(one));
  const mistaken = candidates.find((one) => isVirtualServerCalled(word, one));
  if (found.length === 0 && mistaken !== undefined && !isAdopting(mistaken)) throw noRealServer(word, mistaken);
  if (found.length === 0 || (words.length > 0 && lacking.length > 0))
    throw notFound(word, lacking, having.size > 0, answers.complaints);
  if (found.length > having.size) {
    const texts = found.map((one) => `${one.realServer.address} of ${describeVirtualServer(one.virtualServer)}`);
    throw new LvscareError("USAGE", `${word} may be ${listFirst(texts)}`, { remedy: "name the one by its address" });
  }
  if (having.size > 1 && words.length === 0) {
    const addresses = [...having].map((one) => exactWord(one, candidates));
    const named = [...having].map(describeVirtualServer);
    throw new LvscareError("USAGE", `${word} stands behind ${listFirst(named, " and ")}`, {
      remedy: `name those that are meant: --vs ${listFirst(addresses, ",")}`,
    });
  }
  return found;
}

/** Throws NOT_RUNNING for a virtual server that nobody cares for, and USAGE for a name that several have. */
async function requireEach(
  words: readonly string[],
  candidates: readonly VirtualServerStatus[],
  { complaints, elsewhere, others }: Awaited<ReturnType<typeof askForStatus>>,
): Promise<void> {
  const missing = words.filter((word) => !candidates.some((one) => isVirtualServerCalled(word, one)));
  if (missing.length > 0) {
    const far = elsewhere.map(({ where }) => describeElsewhere(where));
    const caredFor = [...new Set([...candidates.map(describeVirtualServer), ...(await others())])];
    throw new LvscareError(
      "NOT_RUNNING",
      [`no daemon cares for ${missing.join(", ")}`, ...complaints, ...far].join("; "),
      {
        remedy: `they care for ${listFirst(caredFor)}`,
      },
    );
  }
  for (const word of words) {
    const meant = candidates.filter((one) => isVirtualServerCalled(word, one)).map((one) => exactWord(one, candidates));
    if (meant.length > 1)
      throw new LvscareError("USAGE", `${word} may be ${listFirst(meant)}`, { remedy: "name the one by its address" });
  }
}

/** Its real servers are not known yet. */
function isAdopting({ daemon }: VirtualServerStatus): boolean {
  return daemon?.state.startsWith("adopting") === true;
}

/** Where the word means this virtual server. */
function noRealServer(word: string, { realServers }: VirtualServerStatus): LvscareError {
  const known = realServers.filter(({ state }) => state !== "unlisted").map(describeNamed);
  const there = known.length === 0 ? "it has none" : `there are ${listFirst(known)}`;
  return new LvscareError("NOT_LISTED", `${word} is a virtual server`, {
    remedy: `name its real servers, with --vs ${word}: ${there}`,
  });
}

function notFound(
  word: string,
  lacking: readonly VirtualServerStatus[],
  isElsewhere: boolean,
  complaints: readonly string[],
): LvscareError {
  const early = lacking.find(isAdopting);
  if (early !== undefined) return notYet(early, early.daemon?.lastError?.message);
  const known = lacking.flatMap((status) =>
    status.realServers.map((server) => `${describeNamed(server)} (of ${describeVirtualServer(status)})`),
  );
  const behind = isElsewhere ? ` behind ${listFirst(lacking.map(describeVirtualServer))}` : "";
  return new LvscareError("NOT_LISTED", [`no real server ${word} is cared for${behind}`, ...complaints].join("; "), {
    remedy: `there are ${listFirst(known)}`,
  });
}

function serversCalled(word: string, { realServers }: VirtualServerStatus): readonly RealServerStatus[] {
  return realServers.filter((one) => one.state !== "unlisted" && isCalled(word, one));
}
