import { unattendedStatus } from "../actors/status.ts";
import { requestStatus } from "../control/client.ts";
import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { describeError } from "../domain/errors.ts";
import { complaintsOf, daemonFolder, daemonSockets, nobodyAnswers } from "./daemon-sockets.ts";
import type { StatusReport, VirtualServerStatus } from "../domain/status.ts";

/** Asks every daemon of this user; with none running, reads the kernel's table and says so. */
export async function collectStatus(): Promise<StatusReport> {
  const directory = daemonFolder();
  const answers = await Promise.allSettled(daemonSockets(directory).map(requestStatus));
  const virtualServers = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  const silent = complaintsOf(answers);
  if (virtualServers.length > 0) return { source: "daemons", notes: silent, virtualServers };
  const none = nobodyAnswers(directory);
  try {
    const table = await readKernelTable();
    return {
      source: "table",
      notes: [...silent, `${none}; this is the kernel's table, with no health known`],
      virtualServers: table,
    };
  } catch (error) {
    return {
      source: "table",
      notes: [...silent, none, `the kernel's table cannot be read: ${describeError(error)}`],
      virtualServers: [],
    };
  }
}

// --- internal ---

async function readKernelTable(): Promise<VirtualServerStatus[]> {
  const dataPlane = await openIpvs();
  try {
    const table = await dataPlane.readAll();
    return table.map((one) => unattendedStatus(one, { kind: dataPlane.kind, via: dataPlane.via }));
  } finally {
    await dataPlane.close();
  }
}
