import type { ClusterDrains } from "../domain/cluster-drain.ts";
import type { ClusterRights } from "../domain/members.ts";
import type { NodeReport } from "../domain/node-report.ts";
import type { Endpoint } from "../domain/endpoint.ts";

/** A real server that a source tells of. */
export interface Proposed {
  readonly endpoint: Endpoint;
  /** Absent: that of the virtual server. */
  readonly weight?: number;
  readonly zone?: string;
  /** It serves those that it has, and is to get no others as long as somebody else is there. */
  readonly isLeaving?: true | undefined;
}

/** All that a source tells of at a time, or why it tells nothing. */
export type Answer = { readonly listed: readonly Proposed[] } | { readonly problem: string };

/** What a source may know of the virtual server that it tells of. */
export interface SourceUser {
  hear(answer: Answer): void;
  /** Who serves behind it as far as is known: those first who are likely to answer. */
  servers(): readonly Endpoint[];
  /** There are members already, though from an earlier daemon. */
  readonly isRemembered: boolean;
  /** Absent where nobody cares what else the source has to tell. */
  readonly cluster?: ClusterUser;
}

/** What a source that stands for a whole cluster tells besides, and is told. */
export interface ClusterUser {
  /** All whom operators drain on every node. */
  hearDrains(drains: ClusterDrains): void;
  /** How this node stands; undefined as long as that is not known. `way`: how it learns of changes. */
  report(way: NodeReport["way"]): Promise<NodeReport | undefined>;
  readonly nodes?: NodeCount;
}

/** How many nodes the cluster has. */
export interface NodeCount {
  /** Somebody has a use for it. */
  isWanted(): boolean;
  hear(count: number): void;
}

/** Tells who the members are. It decides nothing: its list is a proposal. */
export interface Source extends Disposable {
  /** What it tells without being waited for; undefined where it has to be asked first. */
  peek(): Answer | undefined;
  /** Tells what it peeked at again, and then each time that it may be other than before. */
  start(user: SourceUser): void;
  /** Has it tell once more, whatever it told last. */
  again(): void;
  /** A member fails that served before, and others serve: where the members are who is asked, it may be the one. */
  doubt?(): void;
  /** In what way it is asked, where that makes a difference. */
  readonly way?: string | undefined;
  /** What it may not do for the cluster as a whole. */
  readonly rights?: ClusterRights | undefined;
}
