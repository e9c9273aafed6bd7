import type { ClusterDrain } from "./cluster-drain.ts";
import type { Named } from "./name.ts";
import type { NamedVirtualServer } from "./virtual-server-name.ts";

/** What `lvscare members` shows of one virtual server. Plain data that survives JSON; times are ISO 8601 in UTC. */
export interface MembersReport extends NamedVirtualServer {
  readonly networkNamespace?: string;
  /** Absent where the configuration lists them all. */
  readonly discovery?: DiscoveryStatus;
  readonly members: readonly MemberReport[];
}

/** Who finds members, and what is known of that. */
export interface DiscoveryStatus {
  /** `file /etc/members` */
  readonly source: string;
  readonly policy: "bootstrap" | "merge" | "only";
  /** In what way it is asked: `watched`, or why not. */
  readonly way?: string;
  /** How many count that the source lists, or listed; absent as long as it never listed any. */
  readonly members?: number;
  /** They were remembered from an earlier daemon, and the source has told nothing since. */
  readonly isRemembered?: true;
  /** When the source last told anything. */
  readonly toldAt?: string;
  /** Why it cannot be read, and since when. */
  readonly failing?: { readonly since: string; readonly reason: string };
  /** Whom a guard keeps, and since when. */
  readonly kept?: readonly {
    readonly guard: "empty" | "too-many";
    readonly since: string;
    readonly servers: readonly string[];
  }[];
  readonly ignored?: readonly { readonly server: string; readonly reason: string }[];
  /** Nobody of the list serves: since then others are checked, too. */
  readonly recalledSince?: string;
  /** Whom operators drain on every node of the cluster; absent where there are none. */
  readonly drained?: readonly ({ readonly address: string } & ClusterDrain)[];
  /** Absent where nothing is wrong with them, and of sources that are no cluster. */
  readonly rights?: ClusterRights;
}

/** Why something that concerns the cluster as a whole cannot be done with these credentials. */
export interface ClusterRights {
  /** Drains of the cluster are not heard of. */
  readonly deaf?: string;
  /** This node's own state is not reported. */
  readonly mute?: string;
}

export interface MemberReport extends Named {
  /** `configuration`, `remembered`, or the source in words. */
  readonly source: string;
  /** `listed` counts; so does `kept`, in spite of its source. `ignored` cannot, `former` does not. */
  readonly state: "listed" | "kept" | "ignored" | "former" | "recalled" | "unused";
  readonly since?: string;
  /** Why it is kept or ignored, or does not count. */
  readonly reason?: string;
  readonly weight?: number;
  readonly zone?: string;
}
