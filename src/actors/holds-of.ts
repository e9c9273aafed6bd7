import type { Holds } from "../domain/hold.ts";
import type { VirtualServerActor } from "./virtual-server-machine.ts";

/** What operators have asked of a supervisor's real servers: it is the one owner of that. */
export function holdsOf(supervisor: VirtualServerActor): Holds {
  const snapshot = supervisor.getSnapshot();
  const { holds, members } = snapshot.context;
  // Until the table is taken over, it has no members to hold them.
  if (snapshot.hasTag("adopting")) return holds;
  return new Map(Array.from(members).flatMap(([server, { hold }]) => (hold === undefined ? [] : [[server, hold]])));
}
