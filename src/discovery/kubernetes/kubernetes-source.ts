import type { Family } from "../../domain/endpoint.ts";
import type { KubernetesSourceOptions } from "../../config/discover-options.ts";
import type { Clock } from "../../probe/clock.ts";
import type { ClusterRights } from "../../domain/members.ts";
import type { NodeReport } from "../../domain/node-report.ts";
import type { Answer, ClusterUser, Source, SourceUser } from "../source.ts";
import type { Api, ApiFailure, ApiReply } from "./api.ts";
import { BackOff } from "./back-off.ts";
import { ClusterLink } from "./cluster-link.ts";
import { Interruption } from "../interruption.ts";
import { describeRefusal, readWatchLine, SliceStore, type WatchEvent } from "./slice-store.ts";
import { membersOf, readEndpoints } from "./slices.ts";
import { WatchPatience } from "./watch-patience.ts";

export interface KubernetesPorts {
  readonly api: (user: SourceUser) => Api;
  readonly clock: Clock;
  readonly random: () => number;
  readonly family: Family;
  /** Writes what this node reports. */
  readonly report: (api: Api, report: NodeReport) => Promise<ApiReply | ApiFailure>;
}

/**
 * Members as the API server of a cluster lists them: watched where that is allowed, else asked for again and again.
 * The list is as old as the API server that is asked; it never goes back behind what it has told.
 */
export class KubernetesSource implements Source {
  readonly #options: KubernetesSourceOptions;
  readonly #ports: KubernetesPorts;
  readonly #interruption: Interruption;
  readonly #backOff: BackOff;
  readonly #store = new SliceStore();
  #user: SourceUser | undefined;
  #api: Api | undefined;
  #cluster: ClusterLink | undefined;
  #patience: WatchPatience | undefined;
  #isClosed = false;
  /** The last thing that was told is a problem. */
  #isFailing = false;
  /** When it was tried last, it might not be watched. */
  #wasRefused = false;
  way: string | undefined;

  constructor(options: KubernetesSourceOptions, ports: KubernetesPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#interruption = new Interruption(ports.clock);
    this.#backOff = new BackOff(ports.clock, ports.random);
  }

  /** It has to be asked. */
  peek(): undefined {
    return undefined;
  }

  start(user: SourceUser): void {
    this.#user = user;
    const api = this.#ports.api(user);
    this.#api = api;
    if (user.cluster !== undefined) this.#cluster = this.#linkOf(api, user.cluster);
    void this.#run(api, user);
  }

  again(): void {
    this.#interruption.now();
  }

  doubt(): void {
    if (listsApiServers(this.#options)) this.#patience?.doubt();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#interruption.now();
    this.#cluster?.[Symbol.dispose]();
    this.#api?.[Symbol.dispose]();
  }

  get rights(): ClusterRights | undefined {
    return this.#cluster?.rights;
  }

  // --- internal ---

  #linkOf(api: Api, user: ClusterUser): ClusterLink {
    const { clock, random, report } = this.#ports;
    const { namespace, name, pollMs } = this.#options;
    const service = `/api/v1/namespaces/${namespace}/services/${name}`;
    return new ClusterLink({
      api,
      clock,
      random,
      user,
      service,
      pollMs,
      // A poll keeps nothing open.
      move: () => (this.way === WATCHED ? this.again() : undefined),
      tell: (told) => report(api, told),
    });
  }

  async #run(api: Api, user: SourceUser): Promise<void> {
    // All nodes may begin at once, when a cluster gets its power back; this one knows its members.
    if (user.isRemembered) await this.#interruption.wait(SPREAD_MS * this.#ports.random());
    // Not older than nothing: whatever the server has at hand.
    let which: Which = "any";
    while (!this.#isClosed) {
      const next = await this.#list(api, which);
      which = next === "watch" ? await this.#watch(api) : next;
      if (which === "poll") {
        await this.#poll(api);
        which = "newest";
      }
    }
  }

  async #list(api: Api, which: Which): Promise<Which | "watch"> {
    const reply = await this.#getTwice(api, `${this.#slicesPath}&limit=${MOST_SLICES}${this.#versionQuery(which)}`);
    if ("failed" in reply || reply.status !== 200) {
      if ("status" in reply) {
        if (reply.status === 403 || reply.status === 404) return "poll";
        if (reply.status === 410) return "newest";
        // What it has is older than what another one told: it says so with a time to wait.
        if (reply.status === 504 && which === "known") {
          await this.#interruption.wait(Math.max(LEAST_WAIT_MS, reply.retryAfterMs ?? 0));
          return "newest";
        }
      }
      await this.#failed(reply);
      return which;
    }
    const problem = this.#store.replace(reply.body);
    if (problem !== undefined) {
      this.#tell({ problem });
      await this.#interruption.wait(this.#backOff.next());
      return "newest";
    }
    this.way = WATCHED;
    this.#wasRefused = false;
    this.#tellMembers();
    this.#cluster?.known("watched", this.#store.marks);
    return "watch";
  }

  /** Returns what is to be listed once it is over. */
  async #watch(api: Api): Promise<Which> {
    const { clock, random } = this.#ports;
    while (!this.#isClosed) {
      const timeoutS = Math.round(SHORTEST_WATCH_S * (1 + random()));
      const sinceMs = clock.now();
      const seen: { hasBegun: boolean; error?: Extract<WatchEvent, { message: string }> } = { hasBegun: false };
      using patience = new WatchPatience({ clock, random, end: () => watch.close() });
      this.#patience = patience;
      const path = `${this.#slicesPath}&watch=1&allowWatchBookmarks=true&timeoutSeconds=${timeoutS}&resourceVersion=${encodeURIComponent(this.#store.version)}`;
      const watch = api.watch(path, (timeoutS + GRACE_S) * 1000, {
        began: () => {
          seen.hasBegun = true;
          patience.heard();
          if (this.#isFailing) this.#tellMembers();
        },
        line: (line) => {
          const event = readWatchLine(line);
          patience.heard();
          if ("message" in event) {
            seen.error ??= event;
            watch.close();
          } else if (this.#store.apply(event)) {
            this.#tellMembers();
            this.#cluster?.known("watched", this.#store.marks);
          }
        },
      });
      const ended = await this.#interruption.during(watch);
      this.#patience = undefined;
      if (this.#isClosed || ended === "interrupted") return "newest";
      // As one is that goes on from a version that does not exist yet.
      if (patience.lost === "silent") return "known";
      if (patience.lost === "doubted") continue;
      const { error, hasBegun } = seen;
      if (error?.type === "ERROR" && error.code === GONE) return "known";
      if (error !== undefined) {
        // Such as from an etcd that cannot tell how far it is: only a list gives a version to go on from.
        await this.#failed({ failed: `the watch ended: ${error.message}` });
        return "newest";
      }
      if ("status" in ended && ended.status !== 200) {
        if (ended.status === GONE) return "known";
        await this.#failed(ended);
        return "newest";
      }
      if (!hasBegun) {
        await this.#failed(ended);
        continue;
      }
      if (clock.now() - sinceMs <= SHORT_MS) await this.#interruption.wait(this.#backOff.next());
    }
    return "newest";
  }

  /** Until it is time to try whether it may be watched by now. */
  async #poll(api: Api): Promise<void> {
    const { clock, random, family } = this.#ports;
    const { namespace, name, port, pollMs } = this.#options;
    // An API server that has just started does not know yet who may do what, and refuses everything.
    const untilMs = clock.now() + (this.#wasRefused ? TRY_AGAIN_MS : TRY_SOON_MS);
    this.#wasRefused = true;
    this.way = POLLED;
    this.#store.forget();
    while (!this.#isClosed && clock.now() < untilMs) {
      const reply = await this.#getTwice(api, `/api/v1/namespaces/${namespace}/endpoints/${name}`);
      if ("status" in reply && reply.status === 200) {
        const slices = readEndpoints(parsed(reply.body));
        this.#tell(slices === undefined ? { problem: "the answer is no Endpoints" } : membersOf(slices, port, family));
        this.#cluster?.known("polled", "");
        await this.#interruption.wait(Math.min(pollMs * (1 + SPREAD * (2 * random() - 1)), untilMs - clock.now()));
      } else await this.#failed(reply);
    }
  }

  /** Credentials that rotate may have done so while they were sent. */
  async #getTwice(api: Api, path: string): Promise<ApiReply | ApiFailure> {
    const reply = await api.get(path);
    return "status" in reply && reply.status === 401 && !this.#isClosed ? api.get(path) : reply;
  }

  async #failed(reply: ApiReply | ApiFailure): Promise<void> {
    if (this.#isClosed) return;
    this.#tell({ problem: "failed" in reply ? reply.failed : describeRefusal(reply) });
    const askedForMs = "status" in reply ? reply.retryAfterMs : undefined;
    const leastMs = askedForMs === undefined ? 0 : Math.min(MOST_WAIT_MS, Math.max(LEAST_WAIT_MS, askedForMs));
    await this.#interruption.wait(Math.max(leastMs, this.#backOff.next()));
  }

  #versionQuery(which: Which): string {
    const { version } = this.#store;
    if (which === "any" && version === "") return "&resourceVersion=0";
    if (which !== "known" || version === "") return "";
    return `&resourceVersion=${encodeURIComponent(version)}&resourceVersionMatch=NotOlderThan`;
  }

  get #slicesPath(): string {
    const { namespace, name } = this.#options;
    const selector = encodeURIComponent(`kubernetes.io/service-name=${name}`);
    return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${selector}`;
  }

  #tellMembers(): void {
    this.#tell(membersOf(this.#store.slices, this.#options.port, this.#ports.family));
  }

  #tell(answer: Answer): void {
    this.#isFailing = "problem" in answer;
    if (!this.#isClosed) this.#user?.hear(answer);
  }
}

/** The members are the API servers themselves. */
export function listsApiServers({ namespace, name }: KubernetesSourceOptions): boolean {
  return namespace === "default" && name === "kubernetes";
}

// --- internal ---

/** Which state of the list is asked for: any that is at hand, one not older than what is known, or the newest. */
type Which = "any" | "known" | "newest" | "poll";

const WATCHED = "watched";
const POLLED = "polled, as it may not be watched with these credentials (`lvscare rbac` lifts that)";

const GONE = 410;
const MOST_SLICES = 500;
const LEAST_WAIT_MS = 1000;
/** No server is believed that wants to be left alone for longer. */
const MOST_WAIT_MS = 300_000;
/** As client-go has it: from five to ten minutes. */
const SHORTEST_WATCH_S = 300;
/** A server that does not end it in time is not waited for. */
const GRACE_S = 30;
/** A watch that ends sooner is a failure, and not the usual end. */
const SHORT_MS = 1000;
const TRY_AGAIN_MS = 600_000;
const TRY_SOON_MS = 30_000;
/** Polls come so much sooner or later, so as not to fall into step. */
const SPREAD = 0.2;
/** In so long all nodes of a cluster have begun. */
const SPREAD_MS = 30_000;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
