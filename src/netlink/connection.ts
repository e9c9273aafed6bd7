import { LvscareError } from "../domain/errors.ts";
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readOutcome,
  writeMessage,
  type KernelRefusal,
} from "./messages.ts";
import { receiveUntil } from "./receive-until.ts";
import type { NetlinkTransport } from "./transport.ts";
import { ByteWriter } from "./writer.ts";

/** 64 answers fit into the 32 KiB that libnl gives a socket, should its buffers not be enlargeable. */
export const BATCH_LIMIT = 64;

/** A message to be sent: its type, flags beyond NLM_F_REQUEST, and what follows the header. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags?: number;
  readonly body: (writer: ByteWriter) => void;
}

export interface NetlinkAnswer<T> {
  readonly replies: readonly T[];
  readonly refusal: KernelRefusal | undefined;
}

/**
 * Requests and their answers over a transport that is opened at first use, dropped when it fails and opened again at
 * the next use.
 *
 * A refusal of the kernel is a value. It throws SOCKET_FAILED and KERNEL_TIMEOUT (then the outcome of the request is
 * unknown) and MALFORMED_MESSAGE.
 */
export class NetlinkConnection {
  readonly #open: () => NetlinkTransport;
  /** Made at first use: many connections are there in case, and what they would ask is known. */
  #writer: ByteWriter | undefined;
  #transport: NetlinkTransport | undefined;
  #closed = false;
  #sequence = 0;
  #via = "not open";
  #remark: string | undefined;

  constructor(open: () => NetlinkTransport) {
    this.#open = open;
  }

  /** How the kernel is reached, or was last. */
  get via(): string {
    return this.#via;
  }

  /** Why it is not, or was not, reached in the preferred way. */
  get remark(): string | undefined {
    return this.#remark;
  }

  /** Opens the transport now, to learn early whether that works. */
  open(): void {
    this.#use(() => undefined);
  }

  /** Idempotent; using the connection afterwards throws SOCKET_FAILED. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** One request, its replies (usually none or one) and the ack. `decode` must copy what it keeps of the payload. */
  request<T>(request: NetlinkRequest, decode: (payload: Uint8Array) => T): NetlinkAnswer<T> {
    return this.#use((transport) => {
      const sequence = this.#send(transport, [request], NLM_F_ACK);
      const replies: T[] = [];
      let refusal: KernelRefusal | undefined;
      receiveUntil(transport, (message) => {
        if (message.sequence !== sequence) return "stale";
        if (message.type !== NLMSG_ERROR) {
          replies.push(decode(message.payload));
          return "more";
        }
        refusal = readOutcome(message);
        return "done";
      });
      return { replies, refusal };
    });
  }

  /** A whole table. It is read again, a few times at the most, when it changed meanwhile or messages were lost. */
  dump<T>(request: NetlinkRequest, decode: (payload: Uint8Array) => T): NetlinkAnswer<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { interrupted, ...answer } = this.#use((transport) => this.#dumpOnce(transport, request, decode));
        if (!interrupted) return answer;
        if (attempt === DUMP_TRIES) return { replies: [], refusal: { errno: "EINTR", detail: STILL_CHANGING } };
      } catch (error) {
        if (attempt === DUMP_TRIES || !lostMessages(error)) throw error;
      }
    }
  }

  /**
   * Executes requests in order, up to 64 per send; a refused one does not stop the others. The refusals are at the
   * indexes of their requests. Only the last request of a send is acked: the kernel reports failures anyway.
   */
  batch(requests: readonly NetlinkRequest[]): readonly (KernelRefusal | undefined)[] {
    const refusals: (KernelRefusal | undefined)[] = [];
    for (let first = 0; first < requests.length; first += BATCH_LIMIT) {
      const chunk = requests.slice(first, first + BATCH_LIMIT);
      refusals.push(...this.#use((transport) => this.#batchOnce(transport, chunk)));
    }
    return refusals;
  }

  /**
   * All of the requests or none of them, as in netfilter: they go between a message that begins the batch and one
   * that ends it, which is not acked. Returns the first refusal; undefined when all was done.
   */
  transaction(
    begin: NetlinkRequest,
    requests: readonly NetlinkRequest[],
    end: NetlinkRequest,
  ): KernelRefusal | undefined {
    return this.#use((transport) => {
      const acked = requests.map((request, index) =>
        index === requests.length - 1 ? { ...request, flags: (request.flags ?? 0) | NLM_F_ACK } : request,
      );
      const first = this.#send(transport, [begin, ...acked, end], 0);
      let refusal: KernelRefusal | undefined;
      receiveUntil(transport, (message) => {
        const index = message.sequence - first;
        if (index < 0 || index > requests.length || message.type !== NLMSG_ERROR) return "stale";
        refusal ??= readOutcome(message);
        // Only a batch that is refused as a whole has an answer to its beginning.
        return index === 0 || index === requests.length ? "done" : "more";
      });
      return refusal;
    });
  }

  #dumpOnce<T>(
    transport: NetlinkTransport,
    request: NetlinkRequest,
    decode: (payload: Uint8Array) => T,
  ): NetlinkAnswer<T> & { readonly interrupted: boolean } {
    const sequence = this.#send(transport, [request], NLM_F_DUMP);
    const replies: T[] = [];
    let interrupted = false;
    let refusal: KernelRefusal | undefined;
    receiveUntil(transport, (message) => {
      if (message.sequence !== sequence) return "stale";
      interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        refusal = readOutcome(message);
        return "done";
      }
      replies.push(decode(message.payload));
      return "more";
    });
    return { replies, refusal, interrupted };
  }

  #batchOnce(transport: NetlinkTransport, requests: readonly NetlinkRequest[]): (KernelRefusal | undefined)[] {
    const first = this.#send(transport, requests, NLM_F_ACK);
    const refusals = Array<KernelRefusal | undefined>(requests.length).fill(undefined);
    receiveUntil(transport, (message) => {
      const index = message.sequence - first;
      if (index < 0 || index >= requests.length || message.type !== NLMSG_ERROR) return "stale";
      refusals[index] = readOutcome(message);
      return index === requests.length - 1 ? "done" : "more";
    });
    return refusals;
  }

  /** Sends them in one datagram, the last with more flags, and returns the first one's sequence number. */
  #send(transport: NetlinkTransport, requests: readonly NetlinkRequest[], lastFlags: number): number {
    // Start over before the numbers run out of 32 bits, so that those of one batch are always consecutive.
    if (this.#sequence > 0x7fff_0000) this.#sequence = 0;
    const first = this.#sequence + 1;
    const writer = (this.#writer ??= new ByteWriter());
    writer.reset();
    const last = first + requests.length - 1;
    for (const { type, flags = 0, body } of requests) {
      const sequence = ++this.#sequence;
      const extra = sequence === last ? lastFlags : 0;
      writeMessage(writer, { type, flags: NLM_F_REQUEST | flags | extra, sequence }, body);
    }
    transport.send(writer.written());
    return first;
  }

  /** After any failure the transport may hold answers to questions long given up: it is not used again. */
  #use<T>(action: (transport: NetlinkTransport) => T): T {
    if (this.#closed) throw new LvscareError("SOCKET_FAILED", "this NetlinkConnection is closed");
    this.#transport ??= this.#open();
    this.#via = this.#transport.via;
    this.#remark = this.#transport.remark;
    try {
      return action(this.#transport);
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  #drop(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }
}

// --- internal ---

const DUMP_TRIES = 4;

const STILL_CHANGING = "the table kept changing while it was read";

function lostMessages(error: unknown): boolean {
  return error instanceof LvscareError && (error.errno === "ENOBUFS" || error.errno === "EMSGSIZE");
}
