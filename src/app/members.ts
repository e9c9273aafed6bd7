import { requestMembers } from "../control/client.ts";
import type { MembersReport } from "../domain/members.ts";
import { describeElsewhere } from "../domain/status.ts";
import { askDaemons, notRunning, type Whereabouts } from "./daemon-sockets.ts";

/** What running daemons say of the members of their virtual servers. */
export interface MembersReading {
  readonly virtualServers: readonly MembersReport[];
  /** About daemons that did not answer properly, or are elsewhere. */
  readonly notes: readonly string[];
}

/** Of these virtual servers, by address or name, or of all. Rejects with NOT_RUNNING when no daemon answers. */
export async function collectMembers(virtualServers: readonly string[] = []): Promise<MembersReading> {
  const whose = ({ address, protocol, networkNamespace }: MembersReport): Whereabouts => ({
    address,
    protocol,
    networkNamespace,
  });
  const answers = await askDaemons(requestMembers, whose, virtualServers);
  if (answers.told.length === 0) throw await notRunning(answers);
  return {
    virtualServers: answers.told.map(({ answer }) => answer),
    notes: [...answers.complaints, ...answers.elsewhere.map(({ where }) => describeElsewhere(where))],
  };
}
