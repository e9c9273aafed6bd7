/** What a scheduler looks at in a real server. */
export interface Candidate {
  /** 0 takes no new connections. */
  readonly weight: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** At its upper threshold, and not yet below the lower one. */
  readonly overloaded: boolean;
  /** A dial to it timed out, and no check has passed since. */
  readonly suspected: boolean;
}

/** The new connection that wants a real server. */
export interface PickRequest<Server extends Candidate> {
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Servers that did not answer this connection's dials. */
  readonly tried: ReadonlySet<Server>;
  /** It had its turn already, with a server that did not answer: the scheduler's walk stays where it is. */
  readonly isRetry: boolean;
  /** No other server takes it: suspected servers may. */
  readonly takesSuspected?: boolean;
}

/**
 * Chooses the real server of a new connection, with the kernel's semantics. It may keep a position between calls; the list itself
 * belongs to the caller, keeps its order, and may lose or gain servers from one call to the next.
 */
export interface Scheduler {
  pick<Server extends Candidate>(servers: readonly Server[], request: PickRequest<Server>): Server | undefined;
}

/** True when the server may be given this connection: it has a weight, room, nothing against it, and has not just failed it. */
export function accepts<Server extends Candidate>(server: Server, request: PickRequest<Server>): boolean {
  const isTrusted = !server.suspected || request.takesSuspected === true;
  return server.weight > 0 && !server.overloaded && isTrusted && !request.tried.has(server);
}
