import { unattendedStatus } from "../actors/status.ts";
import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { describeError } from "../domain/errors.ts";
import { worstCondition } from "../domain/in-service.ts";
import type { StatusReport, VirtualServerStatus } from "../domain/status.ts";
import { isVirtualServerCalled } from "../domain/virtual-server-name.ts";
import { askForStatus } from "./daemon-sockets.ts";

/**
 * Asks every daemon of this user in this network namespace, or only those of certain virtual servers. With none
 * running, reads the kernel's table and says so.
 */
export async function collectStatus(virtualServers: readonly string[] = []): Promise<StatusReport> {
  const answers = await askForStatus(virtualServers);
  const { complaints, nobody } = answers;
  const others = answers.elsewhere.map(({ where }) => where);
  const elsewhere = others.length === 0 ? {} : { elsewhere: others };
  // A daemon of another version may answer with all of its own.
  const told = answers.told
    .map(({ answer }) => answer)
    .filter((one) => virtualServers.length === 0 || virtualServers.some((word) => isVirtualServerCalled(word, one)));
  if (told.length > 0) {
    const condition = worstCondition(told);
    return {
      source: "daemons",
      notes: complaints,
      ...(condition && { condition }),
      virtualServers: told,
      ...elsewhere,
    };
  }
  try {
    const table = await readKernelTable();
    return {
      source: "table",
      notes: [...complaints, `${nobody}; this is the kernel's table, with no health known`],
      virtualServers: table,
      ...elsewhere,
    };
  } catch (error) {
    return {
      source: "table",
      notes: [
        ...complaints,
        `${nobody} (start one with lvscare care)`,
        `the kernel's table cannot be read: ${describeError(error)}`,
      ],
      virtualServers: [],
      ...elsewhere,
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
