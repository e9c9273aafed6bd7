import type { Clock } from "../probe/clock.ts";
import type { Answering, Behaviour, ServerScript } from "./behaviour.ts";
import type { Answer, Voice } from "./voice.ts";

/** One end of a connection as its server sees it. */
export interface Peer {
  /** Bytes of the server arrive. */
  deliver(bytes: Uint8Array): void;
  /** The server closed in good order. */
  closed(): void;
  /** The server's host knows of no such connection. */
  reset(): void;
  /** The server's host knows of no such connection, and says nothing. */
  lost(): void;
  /** Packets get through again, or no more. */
  wayChanged(): void;
}

/** A server of HTTP/1.1, or of whatever its voice has, that treats its clients as its script says. */
export class ScriptedServer {
  readonly #script: ServerScript;
  readonly #voice: Voice;
  readonly #world: Clock;
  /** In the order in which they came. */
  readonly #sessions = new Map<Peer, Session>();
  /** When its behaviour changes next, while there is a connection that this is of any matter to. */
  #changesAtMs = Number.POSITIVE_INFINITY;

  constructor(script: ServerScript, voice: Voice, world: Clock) {
    this.#script = script;
    this.#voice = voice;
    this.#world = world;
  }

  /** No packet gets there. */
  get isAway(): boolean {
    return this.#behaviour.kind === "vanishes";
  }

  /** A client's SYN arrived. */
  accepts(peer: Peer): boolean {
    this.#catchUp();
    if (this.#behaviour.kind === "refuses") return false;
    const idleSinceMs = this.#world.now();
    const session: Session = {
      text: "",
      request: undefined,
      answer: undefined,
      answered: 0,
      idleSinceMs,
      timer: undefined,
    };
    // It speaks first: nobody has to ask.
    if (this.#voice.speaksFirst) session.request = { isLast: false };
    this.#sessions.set(peer, session);
    this.#arm();
    this.#attend(peer, session);
    return true;
  }

  /** To be called only while packets get there. */
  received(peer: Peer, bytes: Uint8Array): void {
    this.#catchUp();
    const session = this.#sessions.get(peer);
    if (session === undefined) return peer.reset();
    session.text += Buffer.from(bytes).toString("latin1");
    session.request ??= this.#voice.isRaw ? takeAll(session) : takeRequest(session);
    this.#attend(peer, session);
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
    const behaviour = this.#behaviour;
    // A listener may connect again, or leave.
    for (const [peer, session] of Array.from(this.#sessions)) {
      if (!this.#sessions.has(peer)) continue;
      if (behaviour.kind === "answers" && behaviour.halfOpen === true) {
        this.#lose(peer, session);
        continue;
      }
      peer.wayChanged();
      if (behaviour.kind === "refuses") this.#abandon(peer, session);
      else this.#attend(peer, session);
    }
    if (this.#sessions.size > 0) this.#arm();
  }

  /** What it does next by itself with this connection. A ready answer waits until the server works again. */
  #attend(peer: Peer, session: Session): void {
    this.#world.clearTimeout(session.timer);
    const behaviour = this.#behaviour;
    if (behaviour.kind !== "answers" || (behaviour.oneAtATime === true && !this.#isFirst(peer))) return;
    if (session.request !== undefined) return this.#prepare(peer, session, session.request, behaviour);
    const { closesIdleMs } = behaviour;
    if (closesIdleMs === undefined) return;
    this.#wake(session, session.idleSinceMs + closesIdleMs, () => {
      this.#forget(peer, session);
      peer.closed();
    });
  }

  #prepare(peer: Peer, session: Session, request: Request, behaviour: Answering): void {
    const { afterMs, trickles } = behaviour;
    const nowMs = this.#world.now();
    if (session.answer === undefined) {
      const answer = this.#voice.answer(behaviour, session.answered > 0);
      const rest = this.#voice.isRaw ? Buffer.from(answer.body, "latin1") : responseOf(answer, request.isLast);
      session.answer = { rest, readyMs: nowMs + afterMs };
      if (trickles === true) this.#begin(peer, session.answer);
    }
    this.#wake(session, session.answer.readyMs, () => this.#finish(peer, session, request));
  }

  /** Sends half of the answer. */
  #begin(peer: Peer, answer: PendingAnswer): void {
    const { rest } = answer;
    answer.rest = rest.subarray(rest.length / 2);
    // Not before the write that requested it has returned.
    this.#world.setTimeout(() => peer.deliver(rest.subarray(0, rest.length / 2)), 0);
  }

  #finish(peer: Peer, session: Session, { isLast }: Request): void {
    const rest = session.answer?.rest;
    session.answered++;
    session.idleSinceMs = this.#world.now();
    session.request = undefined;
    session.answer = undefined;
    if (isLast) this.#forget(peer, session);
    else this.#attend(peer, session);
    if (rest !== undefined) peer.deliver(rest);
    if (isLast) peer.closed();
  }

  /** Its process is gone: connections with unanswered requests are reset, and its kernel closes the rest. */
  #abandon(peer: Peer, session: Session): void {
    this.#forget(peer, session);
    if (session.text !== "" || session.request !== undefined) peer.reset();
    else peer.closed();
  }

  #lose(peer: Peer, session: Session): void {
    this.#forget(peer, session);
    peer.lost();
  }

  #forget(peer: Peer, session: Session): void {
    this.#world.clearTimeout(session.timer);
    this.#sessions.delete(peer);
    const behaviour = this.#behaviour;
    const [next] = this.#sessions;
    if (next === undefined || behaviour.kind !== "answers" || behaviour.oneAtATime !== true) return;
    next[1].idleSinceMs = this.#world.now();
    this.#attend(...next);
  }

  #isFirst(peer: Peer): boolean {
    return this.#sessions.keys().next().value === peer;
  }

  #wake(session: Session, atMs: number, act: () => void): void {
    session.timer = this.#world.setTimeout(() => {
      // It may be another by now, without a report.
      if (this.#world.now() < this.#changesAtMs) act();
    }, atMs - this.#world.now());
  }
}

// --- internal ---

interface Request {
  readonly isLast: boolean;
}

interface PendingAnswer {
  /** The unsent part. */
  rest: Uint8Array;
  readonly readyMs: number;
}

interface Session {
  /** Of requests that have not come in whole. */
  text: string;
  request: Request | undefined;
  answer: PendingAnswer | undefined;
  /** Requests so far. */
  answered: number;
  idleSinceMs: number;
  timer: unknown;
}

/** Takes a whole request from the input; undefined while there is none. */
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

/** Whatever came in. */
function takeAll(session: Session): Request {
  session.text = "";
  return { isLast: false };
}

function responseOf({ status, body }: Answer, isLast: boolean): Uint8Array {
  const hasLength = status >= 200 && status !== 204 && status !== 304;
  const fields = `${hasLength ? `Content-Length: ${body.length}\r\n` : ""}${isLast ? "Connection: close\r\n" : ""}`;
  return Buffer.from(`HTTP/1.1 ${status} \r\n${fields}\r\n${hasLength ? body : ""}`, "latin1");
}
