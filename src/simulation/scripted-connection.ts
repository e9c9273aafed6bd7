import type { ProbeTimings } from "../domain/health.ts";
import type { Clock } from "../probe/clock.ts";
import type { Acknowledgement, Connection, ConnectionListener, Ending } from "../probe/connection/connection.ts";
import { ListenerSlot } from "../probe/connection/listener-slot.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { Peer, ScriptedServer } from "./scripted-server.ts";

export interface ScriptedConnectionOptions {
  readonly server: ScriptedServer;
  /** The clock of all hosts and their kernels. */
  readonly world: Clock;
  /** Reports to it wait while it is held up. */
  readonly process: ProcessClock;
  /** The process's open connections, this one included while it is open. */
  readonly open: Set<ScriptedConnection>;
}

/**
 * Stands in for a TCP connection over a socket: to a scripted server, in virtual time, with the kernel's handling of
 * lost packets.
 */
export class ScriptedConnection implements Connection, Peer {
  readonly #server: ScriptedServer;
  readonly #world: Clock;
  readonly #process: ProcessClock;
  readonly #open: Set<ScriptedConnection>;
  readonly #listener: ListenerSlot;
  #state: "connecting" | "established" | "ended" = "connecting";
  #openedAtMs = 0;
  #connectedAtMs: number | undefined;
  /** Repeats the SYN, or gives up on a silent peer. */
  #timer: unknown;
  #watchMs: number | undefined;
  #lastHeardMs = 0;
  /** Since when there is written data that was not acknowledged. */
  #unacknowledged: { readonly sinceMs: number; readonly bytes: Uint8Array[] } | undefined;
  /** Nothing reaches the other end, whatever happens to its server. */
  #isLost = false;
  /** The kernel knows that the connection is over; the process may not. */
  #isOver = false;

  constructor({ server, world, process, open }: ScriptedConnectionOptions, listener: ConnectionListener) {
    this.#server = server;
    this.#world = world;
    this.#process = process;
    this.#open = open;
    this.#listener = new ListenerSlot(listener);
  }

  open(nowMs: number): void {
    this.#open.add(this);
    this.#openedAtMs = nowMs;
    this.#connect(RETRANSMIT_MS);
  }

  get isOpen(): boolean {
    return this.#state === "established";
  }

  get isReached(): boolean {
    return this.#connectedAtMs !== undefined;
  }

  /** It has no TLS. */
  get agreedOnNothing(): boolean {
    return false;
  }

  get timings(): Pick<ProbeTimings, "connectMs" | "tlsMs"> {
    return this.#connectedAtMs === undefined ? {} : { connectMs: this.#connectedAtMs - this.#openedAtMs };
  }

  listen(listener: ConnectionListener): void {
    this.#listener.take(listener);
  }

  park(): void {
    this.#listener.park();
  }

  write(bytes: Uint8Array): number {
    if (!this.isOpen) return 0;
    if (this.#isOver) return bytes.length;
    if (!this.#isCut) {
      this.#lastHeardMs = this.#world.now();
      this.#server.received(this, bytes);
    } else {
      this.#unacknowledged ??= { sinceMs: this.#world.now(), bytes: [] };
      this.#unacknowledged.bytes.push(bytes);
      this.#awaitSilence();
    }
    return bytes.length;
  }

  watchSilence(timeoutMs: number): void {
    this.#watchMs = timeoutMs;
    this.#awaitSilence();
  }

  acknowledgement(): Acknowledgement {
    const isAsked = this.#watchMs !== undefined && this.#world.now() - this.#lastHeardMs >= KEEPALIVE_MS + 50;
    return {
      isOutstanding: this.#unacknowledged !== undefined,
      isProbeUnanswered: this.#isCut && isAsked,
      roundTripMs: TRIP_MS,
    };
  }

  close(): void {
    this.abort();
  }

  abort(): void {
    this.#state = "ended";
    this.#release();
    this.#server.left(this);
  }

  // --- what the server and the network do ---

  deliver(bytes: Uint8Array): void {
    this.#lastHeardMs = this.#world.now();
    this.#process.run(() => {
      if (this.isOpen) this.#listener.received(bytes);
    });
  }

  closed(): void {
    this.#endSoon({ kind: "closed" });
  }

  reset(): void {
    this.#endSoon({ kind: "failed", reason: "connection reset" });
  }

  lost(): void {
    this.#isLost = true;
    this.#awaitSilence();
  }

  wayChanged(): void {
    if (this.#isCut) return this.#awaitSilence();
    this.#world.clearTimeout(this.#timer);
    const unacknowledged = this.#unacknowledged;
    this.#unacknowledged = undefined;
    for (const bytes of unacknowledged?.bytes ?? []) this.#server.received(this, bytes);
  }

  // --- internal ---

  get #isCut(): boolean {
    return this.#isLost || this.#server.isAway;
  }

  /** A SYN. If it is lost, it is repeated after a second, then after two more, and so on (RFC 6298). */
  #connect(repeatMs: number): void {
    if (this.#server.isAway) {
      this.#timer = this.#world.setTimeout(() => this.#connect(2 * repeatMs), repeatMs);
      return;
    }
    if (!this.#server.accepts(this)) return this.#endSoon({ kind: "failed", reason: "connect refused" });
    this.#process.setTimeout(() => this.#establish(), TRIP_MS);
  }

  #establish(): void {
    if (this.#state !== "connecting") return;
    this.#connectedAtMs = this.#process.now();
    this.#lastHeardMs = this.#world.now();
    this.#state = "established";
    this.#listener.established(this.#process.now());
  }

  /**
   * Where nothing comes back, the kernel gives up after some time: that of the data which it repeats, or else of its
   * keep-alives.
   */
  #awaitSilence(): void {
    if (this.#watchMs === undefined || this.#isOver || !this.#isCut) return;
    const nowMs = this.#world.now();
    this.#world.clearTimeout(this.#timer);
    const heardMs = this.#lastHeardMs + Math.floor((nowMs - this.#lastHeardMs) / KEEPALIVE_MS) * KEEPALIVE_MS;
    // It gives up when it has asked before and the time is over since the last answer.
    const silences = Math.max(2, Math.ceil(this.#watchMs / KEEPALIVE_MS));
    const endMs = (this.#unacknowledged?.sinceMs ?? heardMs + silences * KEEPALIVE_MS - this.#watchMs) + this.#watchMs;
    this.#timer = this.#world.setTimeout(() => {
      this.#server.left(this);
      this.#end({ kind: "silent", reason: "connection timed out" });
    }, endMs - nowMs);
  }

  #endSoon(ending: Ending): void {
    this.#release();
    this.#process.setTimeout(() => this.#end(ending), TRIP_MS);
  }

  #end(ending: Ending): void {
    this.#release();
    this.#process.run(() => {
      if (this.#state === "ended") return;
      // The listener can still see how far it got.
      this.#listener.ended(ending);
      this.#state = "ended";
    });
  }

  #release(): void {
    this.#isOver = true;
    this.#open.delete(this);
    this.#world.clearTimeout(this.#timer);
  }
}

// --- internal ---

/** There and back again. */
const TRIP_MS = 0.5;

/** The kernel's delay before it repeats a first SYN. */
const RETRANSMIT_MS = 1000;

/** So often the kernel asks a silent peer, once a connection is watched. */
const KEEPALIVE_MS = 1000;
