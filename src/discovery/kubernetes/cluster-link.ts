import { drainsIn, type ClusterDrains } from "../../domain/cluster-drain.ts";
import type { ClusterRights } from "../../domain/members.ts";
import { NODE_LEASES_NAMESPACE, type NodeReport } from "../../domain/node-report.ts";
import type { Clock } from "../../probe/clock.ts";
import { Interruption } from "../interruption.ts";
import type { ClusterUser, NodeCount } from "../source.ts";
import type { Api, ApiFailure, ApiReply } from "./api.ts";
import { BackOff } from "./back-off.ts";
import { annotationsOf, countOf, describeRefusal } from "./slice-store.ts";

export interface ClusterLinkPorts {
  readonly api: Pick<Api, "get">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly user: ClusterUser;
  /** The service that is annotated with drains, by its path. */
  readonly service: string;
  /** From one question to the next where nothing is watched. */
  readonly pollMs: number;
  /** Has a connection of ours that is kept open be made anew: it may be to somebody who is drained by now, and would never end. */
  readonly move: () => void;
  /** Writes what this node reports. */
  readonly tell: (report: NodeReport) => Promise<ApiReply | ApiFailure>;
}

/**
 * What a node has to do with maintenance on all of them: it hears whom operators drain, and reports how far it is. The
 * service is read when its slices say that this changed, which are watched anyway; without a watch, with each poll.
 */
export class ClusterLink implements Disposable {
  readonly #ports: ClusterLinkPorts;
  readonly #hearing: Interruption;
  readonly #reporting: Interruption;
  #way: NodeReport["way"] | undefined;
  #marks = "";
  #heard: ClusterDrains = new Map();
  #nudge: unknown;
  #moving: unknown;
  #isClosed = false;
  #rights: ClusterRights = {};

  constructor(ports: ClusterLinkPorts) {
    this.#ports = ports;
    this.#hearing = new Interruption(ports.clock);
    this.#reporting = new Interruption(ports.clock);
  }

  /** Why something cannot be done; undefined where all can. */
  get rights(): ClusterRights | undefined {
    return this.#rights.deaf === undefined && this.#rights.mute === undefined ? undefined : this.#rights;
  }

  /** Members are known in this way from now on. `marks`: what their slices say of drains. */
  known(way: NodeReport["way"], marks: string): void {
    const isFirst = this.#way === undefined;
    const isNews = marks !== this.#marks;
    this.#way = way;
    this.#marks = marks;
    if (isFirst) {
      void this.#hear();
      void this.#report();
    } else if (isNews && this.#nudge === undefined) {
      // All nodes see it at the same time.
      const { clock, random } = this.#ports;
      this.#nudge = clock.setTimeout(() => {
        this.#nudge = undefined;
        this.#hearing.now();
      }, SPREAD_MS * random());
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const timer of [this.#nudge, this.#moving]) this.#ports.clock.clearTimeout(timer);
    this.#hearing.now();
    this.#reporting.now();
  }

  // --- internal ---

  async #hear(): Promise<void> {
    const { api, clock, random, user, service, pollMs } = this.#ports;
    const backOff = new BackOff(clock, random);
    while (!this.#isClosed) {
      const reply = await api.get(service);
      if (this.#isClosed) return;
      const annotations = "status" in reply && reply.status === 200 ? annotationsOf(reply.body) : undefined;
      if (annotations !== undefined) {
        this.#allow("deaf", undefined);
        const before = this.#heard;
        this.#heard = drainsIn(annotations);
        user.hearDrains(this.#heard);
        if ([...this.#heard.keys()].some((address) => !before.has(address))) this.#moveSoon();
        this.#reporting.now();
        if (user.nodes?.isWanted() === true) await this.#count(user.nodes);
        await this.#hearing.wait(this.#about(this.#way === "watched" ? RECHECK_MS : pollMs));
      } else if (isRefused(reply)) {
        this.#allow("deaf", describeRefusal(reply));
        await this.#hearing.wait(this.#about(TRY_AGAIN_MS));
      } else await this.#hearing.wait(backOff.next());
    }
  }

  /** Each node has a lease: how many there are is told with the first one. Where that is not allowed, it is not known. */
  async #count(nodes: NodeCount): Promise<void> {
    const reply = await this.#ports.api.get(`${NODE_LEASES}?limit=1`);
    if (this.#isClosed || !("status" in reply) || reply.status !== 200) return;
    const count = countOf(reply.body);
    if (count !== undefined && count > 0) nodes.hear(count);
  }

  /** Once the table has it that new connections go elsewhere. */
  #moveSoon(): void {
    const { clock, random, move } = this.#ports;
    clock.clearTimeout(this.#moving);
    this.#moving = clock.setTimeout(move, SETTLING_MS + SPREAD_MS * random());
  }

  async #report(): Promise<void> {
    const { clock, random, user, tell } = this.#ports;
    const backOff = new BackOff(clock, random);
    const last = { text: "", ended: "", atMs: Number.NEGATIVE_INFINITY };
    while (!this.#isClosed) {
      // What was heard last is to be written into the table first.
      await this.#reporting.pause(SETTLING_MS + SPREAD_MS * random());
      const report = this.#isClosed ? undefined : await user.report(this.#way ?? "polled");
      if (this.#isClosed) return;
      const counts = Object.values(report?.drained ?? {});
      const isBusy = report === undefined || counts.length < this.#heard.size || counts.some(({ open }) => open > 0);
      if (report !== undefined) {
        const text = JSON.stringify({ ...report, at: "" });
        const ended = JSON.stringify(
          Object.entries(report.drained).map(([address, { since, open }]) => [address, since, open === 0]),
        );
        const sinceMs = clock.now() - last.atMs;
        const gapMs = this.#heard.size > 0 ? BUSY_GAP_MS : CALM_GAP_MS;
        const isDue = sinceMs >= HEARTBEAT_MS || ended !== last.ended || (text !== last.text && sinceMs >= gapMs);
        const reply = isDue ? await tell(report) : undefined;
        if (this.#isClosed) return;
        if (reply !== undefined && isRefused(reply)) {
          this.#allow("mute", describeRefusal(reply));
          await this.#reporting.pause(this.#about(TRY_AGAIN_MS));
          continue;
        }
        if (reply !== undefined && !isDone(reply)) {
          await this.#reporting.pause(backOff.next());
          continue;
        }
        if (reply !== undefined) {
          this.#allow("mute", undefined);
          Object.assign(last, { text, ended, atMs: clock.now() });
        }
      }
      await this.#reporting.wait(isBusy ? BUSY_MS : this.#about(CALM_MS));
    }
  }

  #allow(right: keyof ClusterRights, problem: string | undefined): void {
    const { [right]: _, ...others } = this.#rights;
    this.#rights = problem === undefined ? others : { ...others, [right]: problem };
  }

  #about(ms: number): number {
    return ms * (1 + SPREAD * (2 * this.#ports.random() - 1));
  }
}

// --- internal ---

const NODE_LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NODE_LEASES_NAMESPACE}/leases`;

/** So that what a mark missed is heard, too. */
const RECHECK_MS = 600_000;
const TRY_AGAIN_MS = 600_000;
/** Within so long all nodes ask, or write, what concerns all of them. */
const SPREAD_MS = 2000;
const SPREAD = 0.2;
const SETTLING_MS = 500;
/** Looks while connections are awaited to end; it is written at once that they have, and no sooner than after the gap how many there are. */
const BUSY_MS = 2000;
const BUSY_GAP_MS = 15_000;
/** Each time that a node's lease is written, kubelet has to read it again before it renews it. */
const CALM_MS = 60_000;
const CALM_GAP_MS = 300_000;
/** It is written that all is as it was. */
const HEARTBEAT_MS = 3_600_000;

function isDone(reply: ApiReply | ApiFailure): boolean {
  return "status" in reply && reply.status >= 200 && reply.status < 300;
}

function isRefused(reply: ApiReply | ApiFailure): reply is ApiReply {
  return "status" in reply && (reply.status === 403 || reply.status === 404);
}
