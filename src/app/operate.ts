import { requestCheck, requestHold, requestStatus } from "../control/client.ts";
import { LvscareError } from "../domain/errors.ts";
import type { HoldChange } from "../domain/hold.ts";
import { notYet, type CheckReport, type HoldReport } from "../domain/operator.ts";
import { complaintsOf, daemonFolder, daemonSockets, nobodyAnswers } from "./daemon-sockets.ts";

/** Who is meant: a real server, behind these virtual servers; behind the only one that has it where none is named. */
export interface Meant {
  /** Formatted endpoint. */
  readonly realServer: string;
  /** Formatted endpoints. */
  readonly virtualServers: readonly string[];
}

export interface HoldOutcome {
  readonly reports: readonly HoldReport[];
  /** Of the daemons that did not do it. */
  readonly failures: readonly unknown[];
}

/** Has the daemons of this user hold a real server, or let it go. Rejects before anything changes when it is not clear which is meant. */
export async function holdRealServer(meant: Meant, change: HoldChange): Promise<HoldOutcome> {
  const sockets = await socketsOf(meant);
  const answers = await Promise.allSettled(sockets.map((socket) => requestHold(socket, meant.realServer, change)));
  return {
    reports: answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : [])),
    failures: answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : [])),
  };
}

export interface DrainProgress {
  /** That are open, behind all of them together. */
  readonly connections: number;
  /** Nobody let it go meanwhile. */
  readonly isDrained: boolean;
}

/** How far its drain is. Rejects likewise. */
export async function drainProgress(meant: Meant): Promise<DrainProgress> {
  const answers = await Promise.all((await socketsOf(meant)).map(requestStatus));
  const servers = answers
    .flatMap(({ realServers }) => realServers)
    .filter(({ address }) => address === meant.realServer);
  return {
    connections: servers.reduce((sum, { activeConnections }) => sum + activeConnections, 0),
    isDrained: servers.every(({ hold }) => hold?.drained === true),
  };
}

/** Has them check a real server now. Rejects likewise. */
export async function checkRealServer(meant: Meant): Promise<CheckReport[]> {
  const sockets = await socketsOf(meant);
  return Promise.all(sockets.map((socket) => requestCheck(socket, meant.realServer)));
}

// --- internal ---

async function socketsOf({ realServer, virtualServers }: Meant): Promise<string[]> {
  const folder = daemonFolder();
  const sockets = daemonSockets(folder);
  const answers = await Promise.allSettled(sockets.map(requestStatus));
  const daemons = answers.flatMap((answer, at) =>
    answer.status === "fulfilled" ? [{ socket: sockets[at] ?? "", status: answer.value }] : [],
  );
  const complaints = complaintsOf(answers);
  if (daemons.length === 0) {
    throw new LvscareError("NOT_RUNNING", [nobodyAnswers(folder), ...complaints].join("; "), {
      remedy: "start one with lvscare care",
    });
  }
  const isMeant = (address: string): boolean => virtualServers.length === 0 || virtualServers.includes(address);
  const asked = daemons.filter(({ status }) => isMeant(status.address));
  const missing = virtualServers.filter((address) => !daemons.some(({ status }) => status.address === address));
  if (missing.length > 0) {
    throw new LvscareError("NOT_RUNNING", [`no daemon cares for ${missing.join(", ")}`, ...complaints].join("; "), {
      remedy: `they care for ${daemons.map(({ status }) => status.address).join(", ")}`,
    });
  }
  const having = asked.filter(({ status }) =>
    status.realServers.some(({ address, state }) => address === realServer && state !== "unlisted"),
  );
  // Named ones all have to have it: half of what was asked for is not done.
  if (having.length === 0 || having.length < virtualServers.length) {
    const lacking = asked.filter((one) => !having.includes(one)).map(({ status }) => status);
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
  return having.map(({ socket }) => socket);
}

const MOST_NAMED = 10;
