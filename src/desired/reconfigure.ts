import { formatEndpoint } from "../domain/endpoint.ts";
import { sameRealServer, sameService, type RealServer, type VirtualServer } from "../domain/virtual-server.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import { atWeights, type MemberState } from "./member.ts";

/** What a configuration says of a member. */
export type Listed = Pick<MemberState, "server" | "drained" | "isDrainedByConfiguration" | "isLeaving">;

export interface Relisting<Member extends Listed> {
  /** The members that stay, in the order in which they are listed, and after them those that leave. */
  readonly members: ReadonlyMap<string, Member>;
  readonly joining: ReadonlyMap<string, RealServer>;
}

/**
 * The members by another configuration. Who is not touched by the change is the same object; what no option sets, such
 * as the forwarding that was found in the table, stays as it is.
 */
export function relisted<Member extends Listed>(
  members: ReadonlyMap<string, Member>,
  before: readonly RealServer[],
  { realServers, drained }: Pick<VirtualServerConfiguration, "realServers" | "drained">,
): Relisting<Member> {
  const was = new Map(before.map((server) => [formatEndpoint(server.endpoint), server]));
  const staying = new Map<string, Member>();
  const joining = new Map<string, RealServer>();
  for (const configured of realServers) {
    const name = formatEndpoint(configured.endpoint);
    const member = members.get(name);
    if (member === undefined) joining.set(name, configured);
    else {
      const placements = edited(member, was.get(name), configured);
      const isDrainedByConfiguration = drained.has(name);
      const isSame =
        placements.server === member.server && isDrainedByConfiguration === member.isDrainedByConfiguration;
      staying.set(
        name,
        isSame && !member.isLeaving ? member : { ...member, ...placements, isDrainedByConfiguration, isLeaving: false },
      );
    }
  }
  const leaving = [...members].filter(([name]) => !staying.has(name));
  const left = leaving.map(([name, member]): [string, Member] => [name, { ...member, isLeaving: true }]);
  return { members: new Map([...staying, ...left]), joining };
}

/** The virtual server as it stands, with what the configuration changes of it. */
export function reconfiguredService(
  standing: VirtualServer,
  before: VirtualServer,
  after: VirtualServer,
): VirtualServer {
  const { scheduler } = after;
  if (!sameService({ ...before, scheduler }, after)) return after;
  return standing.scheduler === scheduler ? standing : { ...standing, scheduler };
}

// --- internal ---

function edited(
  { server, drained }: Listed,
  before: RealServer | undefined,
  after: RealServer,
): Pick<Listed, "server" | "drained"> {
  const { weight } = after;
  if (before !== undefined && !sameRealServer({ ...before, weight }, after)) return atWeights(after);
  return server.weight === weight ? { server, drained } : { server: { ...server, weight }, drained };
}
