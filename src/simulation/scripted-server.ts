import type { Clock } from "../probe/clock.ts";
import type { Behaviour, ServerScript } from "./behaviour.ts";

/** One end of a connection as its server sees it. */
export interface Peer {
  /** Bytes of the server arrive. */
  deliver(bytes: Uint8Array): void;
  /** The server closed in good order. */
  closed(): void;
  /** The server's host knows of no such connection. */
  reset(): void;
  /** Packets get through again, or no more. */
  wayChanged(): void;
}

/** A server of HTTP/1.1 that does what its script says with whoever connects to it. */
export class ScriptedServer {
  readonly #script: ServerScript;
  readonly #world: Clock;
  /** In the order in which they came. */
  readonly #sessions = new Map<Peer, Session>();
  /** When its behaviour changes next, while there is a connection that this is of any matter to. */
  #changesAtMs = Number.POSITIVE_INFINITY;

  constructor(script: ServerScript, world: Clock) {
    this.#script = script;
    this.#world = world;
  }

  /** No packet gets there. */
  get isAway(): boolean {
    return this.#behaviour.kind === "vanishes";
  }

  /** Somebody wants to connect, who was heard. */
  accepts(peer: Peer): boolean {
    this.#catchUp();
    if (this.#behaviour.kind === "refuses") return false;
    this.#sessions.set(peer, { text: "", request: undefined, answer: undefined, timer: undefined });
    this.#arm();
    return true;
  }

  /** To be called only while packets get there. */
  received(peer: Peer, bytes: Uint8Array): void {
    this.#catchUp();
    const session = this.#sessions.get(peer);
    if (session === undefined) return peer.reset();
    session.text += Buffer.from(bytes).toString("latin1");
    session.request ??= takeRequest(session);
    this.#serve(peer, session);
  }

  /** The other end closed. */
  left(peer: Peer): void {
    const session = this.#sessions.get(peer);
    if (session !== undefined) this.#forget(peer, session);
  }

  // --- internal ---

  get #behaviour(): Behaviour {
    return this.#script.at(this.#world.now());
  }

  #arm(): void {
    if (Number.isFinite(this.#changesAtMs)) return;
    const nowMs = this.#world.now();
    this.#changesAtMs = this.#script.nextChange(nowMs);
    if (Number.isFinite(this.#changesAtMs)) this.#world.setTimeout(() => this.#catchUp(), this.#changesAtMs - nowMs);
  }

  /** Of what happens at the same moment, the change of behaviour comes first. */
  #catchUp(): void {
    if (this.#world.now() < this.#changesAtMs) return;
    this.#changesAtMs = Number.POSITIVE_INFINITY;
    const { kind } = this.#behaviour;
    // Whoever hears of it may connect anew, or leave.
    for (const [peer, session] of Array.from(this.#sessions)) {
      if (!this.#sessions.has(peer)) continue;
      peer.wayChanged();
      if (kind === "refuses") this.#abandon(peer, session);
      else this.#serve(peer, session);
    }
    if (this.#sessions.size > 0) this.#arm();
  }

  /** Answers now or later, where there is something to answer. An answer that is ready waits until the server is in its senses. */
  #serve(peer: Peer, session: Session): void {
    const behaviour = this.#behaviour;
    if (session.request === undefined || behaviour.kind !== "answers") return;
    const nowMs = this.#world.now();
    session.answer ??= { status: behaviour.status, readyMs: nowMs + behaviour.afterMs };
    this.#wake(session, session.answer.readyMs - nowMs, () => {
      if (this.#behaviour.kind === "answers") this.#answer(peer, session);
    });
  }

  #answer(peer: Peer, session: Session): void {
    const { request, answer } = session;
    if (request === undefined || answer === undefined) return;
    session.request = undefined;
    session.answer = undefined;
    if (request.isLast) this.#forget(peer, session);
    peer.deliver(responseOf(answer.status, request.isLast));
    if (request.isLast) peer.closed();
  }

  /** Its process is gone: what it had not answered is lost by a reset, and the rest closed by its kernel. */
  #abandon(peer: Peer, session: Session): void {
    this.#forget(peer, session);
    if (session.text !== "" || session.request !== undefined) peer.reset();
    else peer.closed();
  }

  #forget(peer: Peer, session: Session): void {
    this.#world.clearTimeout(session.timer);
    this.#sessions.delete(peer);
  }

  #wake(session: Session, afterMs: number, act: () => void): void {
    this.#world.clearTimeout(session.timer);
    session.timer = this.#world.setTimeout(act, afterMs);
  }
}

// --- internal ---

interface Request {
  readonly isLast: boolean;
}

interface Session {
  /** Of requests that have not come in whole. */
  text: string;
  request: Request | undefined;
  answer: { readonly status: number; readonly readyMs: number } | undefined;
  timer: unknown;
}

/** Takes a whole request from what has come; undefined while there is none. */
function takeRequest(session: Session): Request | undefined {
  const { text } = session;
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd + 2);
  const end = headEnd + 4 + Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0);
  if (text.length < end) return undefined;
  session.text = text.slice(end);
  return { isLast: /\r\nconnection: *close\r\n/i.test(head) };
}

function responseOf(status: number, isLast: boolean): Uint8Array {
  const hasLength = status >= 200 && status !== 204 && status !== 304;
  const fields = `${hasLength ? "Content-Length: 0\r\n" : ""}${isLast ? "Connection: close\r\n" : ""}`;
  return Buffer.from(`HTTP/1.1 ${status} \r\n${fields}\r\n`, "latin1");
}
