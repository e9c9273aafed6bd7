import type { Endpoint } from "../domain/endpoint.ts";
import type { LvscareError } from "../domain/errors.ts";
import type { Operation } from "../domain/plan.ts";
import type { ObservedRealServer, ObservedVirtualServer, ServiceKey, VirtualServer } from "../domain/virtual-server.ts";

export type DataPlaneKind = "ipvs" | "userspace";

/** An operation that the data plane refused; the others of its batch may have been done. */
export interface FailedOperation {
  readonly operation: Operation;
  readonly error: LvscareError;
}

/** A real server let a dial run out of time. It gets no connection that another one takes until `isWell` is called. */
export type HearOfSilence = (server: Endpoint, isWell: () => void) => void;

/**
 * What moves the packets. Only the virtual-server supervisor writes to it, one `apply` at a time. `read` and `apply`
 * reject with an `LvscareError` when nothing could be done at all (no permission, socket dead); failures of single
 * operations come back as `FailedOperation`s.
 */
export interface DataPlane {
  readonly kind: DataPlaneKind;
  /** How it is reached, for `status` and DEBUG logs: `libnl`, `netlink socket`, `in process`. */
  readonly via: string;
  /** Why it is not reached in the preferred way, and what to do about that; for DEBUG logs. */
  readonly remark?: string | undefined;
  /**
   * Proves that such a virtual server can be made here, or rejects with the reason and its remedy. Leaves nothing
   * behind.
   */
  preflight(service: VirtualServer): Promise<void>;
  /**
   * The virtual server as it is in the table; undefined when it is not there. The traffic of its real servers may be
   * left out: rounds read often and do not need it.
   */
  read(key: ServiceKey): Promise<ObservedVirtualServer | undefined>;
  /** The same with what each of its real servers has carried. */
  measure(key: ServiceKey): Promise<ObservedVirtualServer | undefined>;
  /**
   * Whether the table may be as it was, at hardly any cost: a mark of the virtual server's entries, whatever they carry.
   * Equal ones mean that what most programs change is as it was; not all options need show in it. Undefined where that
   * is not to be had.
   */
  outline?(key: ServiceKey): bigint | undefined;
  /** Every virtual server in it, measured. */
  readAll(): Promise<readonly ObservedVirtualServer[]>;
  /** Executes in order, and goes on after a failed operation. */
  apply(key: ServiceKey, operations: readonly Operation[]): Promise<readonly FailedOperation[]>;
  /** For a data plane that handles connections in this process: `hear` is told of real servers that do not answer. */
  onSilence?(hear: HearOfSilence): void;
  /**
   * For a data plane that answers at once: what the clients of each real server exchange with it, as far as both
   * directions pass here (masquerading). Throws what `read` rejects with.
   */
  traffic?(key: ServiceKey): readonly ObservedRealServer[];
  /**
   * A mark of what a virtual server has carried, at hardly any cost: as long as it stays the same, so does every count in
   * `traffic`. Undefined where that is not to be had.
   */
  carried?(key: ServiceKey): string | undefined;
  /**
   * Releases sockets. What it programmed stays (in the userspace plane it ends, since it lives in this process).
   * Idempotent.
   */
  close(): Promise<void>;
}
