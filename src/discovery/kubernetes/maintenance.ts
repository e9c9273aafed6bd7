import {
  drainAnnotation,
  drainsIn,
  DRAINS_CHANGED,
  drainValue,
  type ClusterDrain,
  type ClusterDrains,
} from "../../domain/cluster-drain.ts";
import type { ClusterNode } from "../../domain/cluster-status.ts";
import { LvscareError } from "../../domain/errors.ts";
import { listFirst } from "../../domain/name.ts";
import { NODE_LEASES_NAMESPACE, reportsIn, REPORTS_NAMESPACE } from "../../domain/node-report.ts";
import type { Api, ApiFailure, ApiReply } from "./api.ts";
import { annotationsOf, describeRefusal, SliceStore } from "./slice-store.ts";

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** What operators do with one service for all nodes at once, by what its objects are annotated with. */
export class Maintenance implements Disposable {
  readonly #api: Api;
  readonly #service: ServiceName;

  constructor(api: Api, service: ServiceName) {
    this.#api = api;
    this.#service = service;
  }

  /** Who is drained now. Rejects with CLUSTER_FAILED, as all of these do. */
  async drains(): Promise<ClusterDrains> {
    const annotations = annotationsOf(await this.#get(this.#servicePath, `read service ${this.#called}`));
    if (annotations === undefined) throw failed(`read service ${this.#called}`, "the answer is no service");
    return drainsIn(annotations);
  }

  /**
   * Drains these addresses on every node. Rejects with NOT_LISTED for one that is no endpoint of the service, and with
   * USAGE when nobody would be left: nothing is changed then. Resolves to what the operator should know besides.
   */
  async drain(addresses: readonly string[], drain: ClusterDrain): Promise<readonly string[]> {
    const [before, slices] = [await this.drains(), await this.#slices()];
    const members = new Set(slices.slices.flatMap(({ endpoints }) => endpoints.flatMap((one) => one.addresses)));
    const unknown = addresses.filter((address) => !members.has(address));
    if (unknown.length > 0) {
      throw new LvscareError("NOT_LISTED", `${listFirst(unknown)}: no endpoint of service ${this.#called}`, {
        remedy: members.size === 0 ? "it has none" : `there are ${listFirst([...members])}`,
      });
    }
    const left = [...members].filter((address) => !before.has(address) && !addresses.includes(address));
    if (left.length === 0) {
      const others = [...before.keys()].filter((address) => members.has(address) && !addresses.includes(address));
      const why =
        others.length === 0 ? "" : `: ${listFirst(others)} ${others.length === 1 ? "is" : "are"} drained already`;
      throw new LvscareError("USAGE", `nobody would be left to serve behind service ${this.#called}${why}`, {
        remedy: "leave one of them; lvscare drain without --cluster drains it on one node",
      });
    }
    const fresh = addresses.filter((address) => !before.has(address));
    if (fresh.length > 0) await this.#annotate(fresh.map((address) => [drainAnnotation(address), drainValue(drain)]));
    return fresh.length === 0 ? [] : this.#mark(slices, drain.since);
  }

  /** Ends that. Resolves to what the operator should know besides. */
  async undrain(addresses: readonly string[], now: string): Promise<readonly string[]> {
    const before = await this.drains();
    const lifted = addresses.filter((address) => before.has(address));
    const notes = addresses
      .filter((address) => !before.has(address))
      .map((one) => `${one}: the cluster does not drain it`);
    if (lifted.length === 0) return notes;
    await this.#annotate(lifted.map((address) => [drainAnnotation(address), null]));
    return [...notes, ...(await this.#mark(await this.#slices(), now))];
  }

  /** What nodes report of this service; those that report nothing are there as well. */
  async nodes(): Promise<readonly ClusterNode[]> {
    const nodes = await this.#leases(NODE_LEASES_NAMESPACE);
    const known = new Map(nodes.map((one) => [one.node, one]));
    // Pods with a service account may not write a node's own lease, and have one of their own.
    for (const { node, reports } of await this.#leases(REPORTS_NAMESPACE))
      known.set(node, { node, reports: [...(known.get(node)?.reports ?? []), ...reports] });
    return [...known.values()].toSorted((one, other) => (one.node < other.node ? -1 : 1));
  }

  [Symbol.dispose](): void {
    this.#api[Symbol.dispose]();
  }

  // --- internal ---

  get #called(): string {
    return `${this.#service.namespace}/${this.#service.name}`;
  }

  get #servicePath(): string {
    const { namespace, name } = this.#service;
    return `/api/v1/namespaces/${namespace}/services/${name}`;
  }

  get #slicesFolder(): string {
    return `/apis/discovery.k8s.io/v1/namespaces/${this.#service.namespace}/endpointslices`;
  }

  async #slices(): Promise<SliceStore> {
    const selector = encodeURIComponent(`kubernetes.io/service-name=${this.#service.name}`);
    const operation = `list the endpoints of service ${this.#called}`;
    const store = new SliceStore();
    const problem = store.replace(await this.#get(`${this.#slicesFolder}?labelSelector=${selector}`, operation));
    if (problem !== undefined) throw failed(operation, problem);
    return store;
  }

  async #annotate(changes: readonly (readonly [string, string | null])[]): Promise<void> {
    const annotations = Object.fromEntries(changes);
    const reply = await this.#api.write("PATCH", this.#servicePath, { metadata: { annotations } });
    mustSucceed(reply, `annotate service ${this.#called}`);
  }

  /** So that nodes that watch the slices look at once. */
  async #mark({ slices }: SliceStore, text: string): Promise<readonly string[]> {
    const patch = { metadata: { annotations: { [DRAINS_CHANGED]: text } } };
    const replies = await Promise.all(
      slices.map(({ name }) => this.#api.write("PATCH", `${this.#slicesFolder}/${name}`, patch)),
    );
    const problem = replies.map(problemOf).find((one) => one !== undefined);
    return problem === undefined
      ? []
      : [
          `nodes that watch may learn of it as late as in ten minutes, as its EndpointSlices cannot be marked: ${problem}`,
        ];
  }

  async #leases(namespace: string): Promise<ClusterNode[]> {
    const operation = `list what nodes report in ${namespace}`;
    // Of any age that is at hand: it is asked for again and again.
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases?resourceVersion=0`;
    const { items } = Object(JSON.parse(await this.#get(path, operation))) as { readonly items?: unknown };
    if (!Array.isArray(items)) return [];
    return items.flatMap((item: unknown) => {
      const { metadata } = Object(item) as {
        readonly metadata?: { readonly name?: unknown; readonly annotations?: object };
      };
      if (typeof metadata?.name !== "string") return [];
      const reports = reportsIn({ ...metadata.annotations }).filter(({ service }) => service === this.#called);
      return [{ node: metadata.name, reports }];
    });
  }

  async #get(path: string, operation: string): Promise<string> {
    return mustSucceed(await this.#api.get(path), operation);
  }
}

// --- internal ---

function mustSucceed(reply: ApiReply | ApiFailure, operation: string): string {
  const problem = problemOf(reply);
  if ("failed" in reply || problem !== undefined) throw failed(operation, problem ?? "no answer");
  return reply.body;
}

function problemOf(reply: ApiReply | ApiFailure): string | undefined {
  if ("failed" in reply) return reply.failed;
  return reply.status >= 200 && reply.status < 300 ? undefined : describeRefusal(reply);
}

function failed(operation: string, problem: string): LvscareError {
  return new LvscareError("CLUSTER_FAILED", problem, { operation });
}
