import { LvscareError } from "../../domain/errors.ts";
import { formatServiceKey } from "../../domain/virtual-server.ts";
import { NetlinkConnection, type NetlinkRequest } from "../../netlink/connection.ts";
import { openKernelTransport } from "../../netlink/kernel-transport.ts";
import {
  clearMark,
  hasMark,
  masquerade,
  setMark,
  toEndpoint,
  type Expression,
} from "../../netlink/netfilter/expressions.ts";
import {
  beginBatch,
  decodeGeneration,
  decodeRule,
  deleteRule,
  deleteTable,
  endBatch,
  getGeneration,
  getRules,
  newChain,
  newRule,
  newTable,
  type BaseChain,
  type RuleHead,
} from "../../netlink/netfilter/nftables.ts";
import { connected, refused, type OpenTransport } from "../host-network.ts";
import { mayBeInKernel } from "../kernel-module.ts";
import type { FirewallRules, MasqueradeOptions } from "./firewall-rules.ts";

/**
 * Whether this kernel has nftables suitable for our table, or loads it when asked. The test makes such a table and
 * deletes it in one transaction, which no other process can see. Kernels are built without a family of tables,
 * without address translation, or without a common one for both families (before 5.2), and some distributions add to
 * an old kernel what it lacked.
 */
export function hasNftables(openTransport: OpenTransport = openNetfilter): boolean {
  try {
    return change(openTransport, () => [
      newTable(ATTEMPT),
      ...CHAINS.map((chain) => newChain(ATTEMPT, chain)),
      ...Object.entries(rulesFor(EXAMPLE)).map(([chain, expressions]) => newRule(ATTEMPT, chain, expressions, ATTEMPT)),
      deleteTable(ATTEMPT),
    ]);
  } catch (error) {
    if (lacksFeature(error)) return false;
    throw error;
  }
}

/**
 * The rules of one virtual server in the table `inet lvscare`, which all virtual servers share and the last one
 * removes.
 */
export function nftRules(options: MasqueradeOptions, openTransport: OpenTransport = openNetfilter): FirewallRules {
  const key = formatServiceKey(options.service);
  const comment = `${key} bit ${options.bit}`;
  const wanted = rulesFor(options);
  const isOurs = (rule: RuleHead): boolean => rule.comment?.startsWith(`${key} `) === true;
  const isComplete = (rules: readonly RuleHead[]): boolean => {
    const ours = rules.filter(isOurs);
    return (
      ours.length === Object.keys(wanted).length &&
      Object.keys(wanted).every((chain) => ours.some((rule) => rule.chain === chain && rule.comment === comment))
    );
  };
  return {
    async inspect() {
      const rules = connected(openTransport, readRules);
      if (isComplete(rules)) return undefined;
      return rules.some(isOurs) ? "is not as it should be" : "missing";
    },
    async establish() {
      change(openTransport, (rules) => {
        if (isComplete(rules)) return [];
        return [
          newTable(TABLE),
          ...CHAINS.map((chain) => newChain(TABLE, chain)),
          ...rules.filter(isOurs).map((rule) => deleteRule(TABLE, rule)),
          ...Object.entries(wanted).map(([chain, expressions]) => newRule(TABLE, chain, expressions, comment)),
        ];
      });
    },
    async remove() {
      try {
        return change(openTransport, (rules) => {
          const ours = rules.filter(isOurs);
          if (ours.length === 0) return [];
          if (ours.length === rules.length) return [deleteTable(TABLE)];
          return ours.map((rule) => deleteRule(TABLE, rule));
        });
      } catch (error) {
        // Where no such table is possible, there is none of ours.
        if (lacksFeature(error)) return false;
        throw error;
      }
    },
    async hasAny() {
      if (!mayBeInKernel("nf_tables")) return false;
      try {
        return connected(openTransport, readRules).some(isOurs);
      } catch (error) {
        if (lacksFeature(error)) return false;
        throw error;
      }
    },
  };
}

// --- internal ---

const TABLE = "lvscare";

/** Where nat rules see the first packet of each connection: their decision is for all of it. */
const CHAINS: readonly BaseChain[] = [
  { name: "prerouting", type: "nat", hook: "prerouting", priority: -100 },
  { name: "output", type: "nat", hook: "output", priority: -100 },
  { name: "postrouting", type: "nat", hook: "postrouting", priority: 100 },
];

/**
 * No netfilter at all; no nftables in it (EINVAL: the message is unknown); no such family of tables; no such kind of
 * chain or expression (ENOENT).
 */
const MISSING = new Set(["EPROTONOSUPPORT", "EINVAL", "EOPNOTSUPP", "EAFNOSUPPORT", "ENOENT"]);

const ATTEMPT = "lvscare-attempt";

/** For a documentation address (RFC 5737). */
const EXAMPLE: MasqueradeOptions = {
  service: { protocol: "tcp", endpoint: { family: "ipv4", address: "198.51.100.0", port: 1 } },
  bit: 0,
};

/** How often others may change the ruleset between our look and our write. */
const TRIES = 10;

function openNetfilter(): ReturnType<OpenTransport> {
  return openKernelTransport("netfilter");
}

function generationOf(connection: NetlinkConnection): number | undefined {
  const { replies, refusal } = connection.request(getGeneration(), decodeGeneration);
  if (refusal !== undefined) throw refused(refusal, "read the firewall's generation");
  return replies[0];
}

/** What each chain does with the packets of one virtual server. */
function rulesFor({ service, bit }: MasqueradeOptions): Readonly<Record<string, readonly Expression[]>> {
  const mark = 2 ** bit;
  const marking = [...toEndpoint(service.endpoint, service.protocol === "udp" ? "udp" : "tcp"), ...setMark(mark)];
  return {
    prerouting: marking,
    output: marking,
    postrouting: [...hasMark(mark), ...clearMark(mark), masquerade()],
  };
}

function lacksFeature(error: unknown): boolean {
  return error instanceof LvscareError && MISSING.has(error.errno ?? "");
}

function readRules(connection: NetlinkConnection): readonly RuleHead[] {
  const { replies, refusal } = connection.dump(getRules(TABLE), decodeRule);
  if (refusal?.errno === "ENOENT") return [];
  if (refusal !== undefined) throw refused(refusal, `read the firewall's table ${TABLE}`);
  return replies.filter((rule) => rule !== undefined);
}

/** All or nothing, and only if nothing was changed since the look. Returns whether there was anything to do. */
function change(
  openTransport: OpenTransport,
  plan: (rules: readonly RuleHead[]) => readonly NetlinkRequest[],
): boolean {
  return connected(openTransport, (connection) => {
    for (let attempt = 1; ; attempt++) {
      const generation = generationOf(connection) ?? 0;
      const requests = plan(readRules(connection));
      if (requests.length === 0) return false;
      const refusal = connection.transaction(beginBatch(generation), requests, endBatch());
      if (refusal === undefined) return true;
      if (refusal.errno !== "ERESTART" || attempt === TRIES)
        throw refused(refusal, `change the firewall's table ${TABLE}`);
    }
  });
}
