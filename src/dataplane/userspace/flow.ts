import type { BufferBudget } from "./buffer-budget.ts";
import { descriptorOf, type EventSocket } from "./socket-events.ts";

/** Reading and writing past the runtime, which reads half a megabyte at a time whether or not the other side takes that. */
export interface SocketBytes {
  /** Reads what is there, up to a maximum. Returns how many bytes; 0 after FIN, -1 for none or a failure. */
  receive(fd: number, into: Uint8Array<ArrayBuffer>, most: number): number;
  /** How many bytes the kernel would take to send, about; undefined where it does not say. */
  room(fd: number): number | undefined;
}

export interface FlowOptions {
  readonly bytes: SocketBytes;
  /** By all flows. */
  readonly budget: BufferBudget;
}

export interface FlowListener {
  /** This many bytes came from the source. */
  received(bytes: number): void;
  /** There is no room for what the destination does not take: the connection must end. */
  overran(): void;
}

/**
 * One direction of a connection. Bytes come out as they went in. What the destination does not take at once is buffered,
 * and the source is not read again before the buffer is empty. FIN is passed on after the last byte.
 *
 * While both sides keep pace, the runtime reads. For a slow destination, the flow reads by itself, in pieces that fit what the
 * destination's kernel takes, 64 KiB at most: so little is buffered, however fast the source is.
 */
export class Flow {
  readonly #from: EventSocket;
  readonly #options: FlowOptions;
  readonly #listener: FlowListener;
  #to: EventSocket | undefined;
  #buffered: Uint8Array[] = [];
  /** How much of the first buffered chunk the destination already has. */
  #taken = 0;
  #bufferedBytes = 0;
  #isPaused = false;
  #isClosed = false;
  #isStopped = false;
  #ended = false;
  #finished = false;

  constructor(from: EventSocket, options: FlowOptions, listener: FlowListener) {
    this.#from = from;
    this.#options = options;
    this.#listener = listener;
  }

  /** The source has sent FIN. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Everything including FIN has been passed on. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Gives the flow its destination, and writes what came before. */
  into(to: EventSocket): void {
    this.#to = to;
    this.flush();
  }

  /** The runtime has read. */
  receive(chunk: Uint8Array): void {
    this.#pass(chunk, chunk.length);
    if (chunk.length >= LARGE_BYTES && this.#buffered.length === 0 && !this.#hasRoomForAnyRead()) this.#pump();
  }

  /** No more will come: passes FIN on as soon as all bytes are out. */
  end(): void {
    this.#ended = true;
    this.flush();
  }

  /** Writes what is buffered, as far as the destination takes it. */
  flush(): void {
    if (this.#to === undefined || this.#finished) return;
    for (let chunk = this.#buffered[0]; chunk !== undefined; chunk = this.#buffered[0]) {
      const taken = write(this.#to, chunk, this.#taken, chunk.length);
      this.#taken += taken;
      if (this.#taken < chunk.length) return;
      this.#buffered.shift();
      this.#taken = 0;
      this.#release(chunk.length);
    }
    if (this.#isPaused && !this.#ended) this.#pump();
    if (!this.#ended || this.#buffered.length > 0) return;
    this.#finished = true;
    this.#to.shutdown();
  }

  /** The source is gone: nothing is read any more. */
  closed(): void {
    this.#isClosed = true;
  }

  /** The destination is gone, and with it what was buffered for it. */
  stop(): void {
    this.#isClosed = true;
    this.#isStopped = true;
    this.#buffered = [];
    this.#release(this.#bufferedBytes);
  }

  // --- internal ---

  #pass(chunk: Uint8Array, length: number): void {
    this.#listener.received(length);
    const isFirst = this.#to !== undefined && this.#buffered.length === 0;
    const taken = isFirst && this.#to !== undefined ? write(this.#to, chunk, 0, length) : 0;
    if (taken === length) return;
    this.#pause();
    // A copy: what is left may be small, and the chunk would be kept whole.
    this.#buffer(new Uint8Array(chunk.subarray(taken, length)));
  }

  #buffer(rest: Uint8Array): void {
    if (this.#isStopped) return;
    if (!this.#options.budget.add(rest.length)) return this.#listener.overran();
    this.#bufferedBytes += rest.length;
    this.#buffered.push(rest);
  }

  #release(bytes: number): void {
    const released = Math.min(bytes, this.#bufferedBytes);
    this.#bufferedBytes -= released;
    this.#options.budget.release(released);
  }

  /**
   * Reads in pieces that the destination takes, until it takes no more or nothing is left. Then the runtime watches
   * the source again.
   */
  #pump(looks = 0): void {
    const { bytes, budget } = this.#options;
    for (let turn = 0; turn < PIECES_IN_A_TURN; turn++) {
      if (this.#isClosed || this.#to === undefined) return;
      const room = bytes.room(descriptorOf(this.#to)) ?? PIECE_BYTES;
      // A little more than it takes: the runtime reports that there is room again only after a refused byte.
      const most = Math.min(budget.isTight ? SMALLEST_PIECE_BYTES : PIECE_BYTES, Math.max(room, SMALLEST_PIECE_BYTES));
      const length = bytes.receive(descriptorOf(this.#from), piece, most);
      if (length < 0 && budget.isTight && looks < MOST_LOOKS && !this.#hasRoomForAnyRead())
        return this.#lookLater(looks);
      if (length <= 0) return this.#resume();
      this.#pass(piece, length);
      if (this.#buffered.length > 0) return;
    }
    // Others get their turn.
    this.#pause();
    setImmediate(() => {
      if (this.#buffered.length === 0) this.#pump();
    });
  }

  /** Much is buffered for others: the runtime's next read might be half a megabyte more than the destination takes. */
  #lookLater(looks: number): void {
    this.#pause();
    setTimeout(() => {
      if (this.#buffered.length === 0) this.#pump(looks + 1);
    }, LOOK_MS);
  }

  #hasRoomForAnyRead(): boolean {
    // The kernel may lack the memory for the room that it reports: then all are read in pieces.
    if (this.#options.budget.isTight) return false;
    const room = this.#to && this.#options.bytes.room(descriptorOf(this.#to));
    return room !== undefined && room >= LARGEST_READ_BYTES;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#from.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#from.resume();
  }
}

// --- internal ---

/** The most that the runtime reads, with the kernel's overhead. */
const LARGEST_READ_BYTES = 640 * 1024;

/** After a smaller chunk the source has nothing more, most of the time. */
const LARGE_BYTES = 16 * 1024;

/** The most that is buffered for one slow reader. */
export const PIECE_BYTES = 64 * 1024;

const SMALLEST_PIECE_BYTES = 16 * 1024;

const PIECES_IN_A_TURN = 16;

const LOOK_MS = 20;

/** Then the runtime watches the source after all: it has been quiet for a second, or is broken. */
const MOST_LOOKS = 50;

/** Can be shared, because what is read is written before the next reading. */
const piece = new Uint8Array(new ArrayBuffer(PIECE_BYTES));

/**
 * How many bytes the socket took. The length is always given: with an offset alone, Bun 1.4.5 counts it from the
 * start and throws.
 */
function write(to: EventSocket, chunk: Uint8Array, offset: number, end: number): number {
  // A closed socket says -1; its own close event ends the connection.
  return Math.max(0, to.write(chunk, offset, end - offset));
}
