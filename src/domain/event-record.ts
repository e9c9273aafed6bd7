/** Something that happened to a virtual server, as the daemon remembers it: plain data that survives JSON. */
export interface EventRecord {
  /** Counts up from the daemon's start; what is missing in between was more than it could remember. */
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly level: "debug" | "info" | "warn" | "error";
  /** As it stands in the log. */
  readonly message: string;
  /** What kind of event it was: `realServer.healthChanged`, `plan.applied`, … */
  readonly type: string;
  readonly server?: string;
}

/** What a daemon remembers of its virtual server. */
export interface EventReport {
  /** `10.103.97.12:6443` */
  readonly address: string;
  /** Tells one run of the daemon from the next: ids begin anew. */
  readonly startedAt: string;
  readonly events: readonly EventRecord[];
}
