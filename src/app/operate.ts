import { readFileSync } from "node:fs";
import { requestCheck, requestHold, requestStatus } from "../control/client.ts";
import { LvscareError } from "../domain/errors.ts";
import { isOperatorName, type HoldChange } from "../domain/hold.ts";
import { notYet, type CheckReport, type HoldReport } from "../domain/operator.ts";
import { describeElsewhere } from "../domain/status.ts";
import { askForStatus, notRunning } from "./daemon-sockets.ts";

/** A real server that an operator names, behind these virtual servers. With no virtual server named, only one may have it. */
export interface OperatorTarget {
  /** Formatted endpoint. */
  readonly realServer: string;
  /** Formatted endpoints. */
  readonly virtualServers: readonly string[];
}

export interface HoldOutcome {
  readonly reports: readonly HoldReport[];
  /** Of the daemons that did not do it. */
  readonly failures: readonly unknown[];
  /** Of daemons in other network namespaces that have this real server, and were not asked. */
  readonly mentions: readonly string[];
}

/** Asks this user's daemons to hold a real server, or to let it go. Rejects before any change when the target is ambiguous. */
export async function holdRealServer(target: OperatorTarget, change: HoldChange): Promise<HoldOutcome> {
  const { sockets, mentions } = await findDaemons(target);
  const by = operatorName(process.env);
  const answers = await Promise.allSettled(sockets.map((socket) => requestHold(socket, target.realServer, change, by)));
  return {
    mentions,
    reports: answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : [])),
    failures: answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : [])),
  };
}

export interface DrainProgress {
  /** That are open, behind all of them together. */
  readonly connections: number;
  /** No operator let it go in the meantime. */
  readonly isDrained: boolean;
}

/** How far its drain is. Rejects as `holdRealServer` does. */
export async function drainProgress(target: OperatorTarget): Promise<DrainProgress> {
  const answers = await Promise.all((await findDaemons(target)).sockets.map(requestStatus));
  const servers = answers
    .flatMap(({ realServers }) => realServers)
    .filter(({ address }) => address === target.realServer);
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

/** Asks them to check a real server now. Rejects as `holdRealServer` does. */
export async function checkRealServer(target: OperatorTarget): Promise<CheckOutcome> {
  const { sockets, mentions } = await findDaemons(target);
  const reports = await Promise.all(sockets.map((socket) => requestCheck(socket, target.realServer)));
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

interface TargetDaemons {
  readonly sockets: readonly string[];
  readonly mentions: readonly string[];
}

async function findDaemons({ realServer, virtualServers }: OperatorTarget): Promise<TargetDaemons> {
  const answers = await askForStatus(virtualServers);
  const { complaints, elsewhere } = answers;
  const daemons = answers.told.map(({ socket, answer }) => ({ socket, status: answer }));
  if (daemons.length === 0) throw notRunning(answers);
  const missing = virtualServers.filter((address) => !daemons.some(({ status }) => status.address === address));
  if (missing.length > 0) {
    const others = elsewhere.map(({ where }) => describeElsewhere(where));
    throw new LvscareError(
      "NOT_RUNNING",
      [`no daemon cares for ${missing.join(", ")}`, ...complaints, ...others].join("; "),
      { remedy: `they care for ${[...daemons.map(({ status }) => status.address), ...answers.unasked()].join(", ")}` },
    );
  }
  const having = daemons.filter(({ status }) =>
    status.realServers.some(({ address, state }) => address === realServer && state !== "unlisted"),
  );
  // All named ones must have it: a request is not done by halves.
  if (having.length === 0 || having.length < virtualServers.length) {
    const lacking = daemons.filter((one) => !having.includes(one)).map(({ status }) => status);
    const early = lacking.find(({ daemon }) => daemon?.state.startsWith("adopting"));
    if (early !== undefined) throw notYet(early.address, early.daemon?.lastError?.message);
    const known = lacking.flatMap((status) =>
      status.realServers.map(({ address }) => `${address} (of ${status.address})`),
    );
    const behind = having.length === 0 ? "" : ` behind ${lacking.map(({ address }) => address).join(", ")}`;
    throw new LvscareError(
      "NOT_LISTED",
      [`no real server ${realServer} is cared for${behind}`, ...complaints].join("; "),
      {
        remedy: `there are ${known.slice(0, MOST_NAMED).join(", ")}${known.length > MOST_NAMED ? ", …" : ""}`,
      },
    );
  }
  if (having.length > 1 && virtualServers.length === 0) {
    const addresses = having.map(({ status }) => status.address);
    throw new LvscareError("USAGE", `${realServer} stands behind ${addresses.join(" and ")}`, {
      remedy: `name those that are meant: --vs ${addresses.join(",")}`,
    });
  }
  return {
    sockets: having.map(({ socket }) => socket),
    mentions: elsewhere
      .filter(({ answer }) => answer.realServers.some(({ address }) => address === realServer))
      .map(({ where }) => describeElsewhere(where)),
  };
}

const MOST_NAMED = 10;
