import { release } from "node:os";
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
import { parseVersion } from "../kernel-version.ts";
import type { FirewallRules, MasqueradeOptions } from "./firewall-rules.ts";

/** Whether this kernel has nftables that our table can be made of, or loads it when asked. */
export function hasNftables(openTransport: OpenTransport = openNetfilter, kernelRelease = release()): boolean {
  try {
    if (connected(openTransport, generationOf) === undefined) return false;
    return parseVersion(kernelRelease) >= NAT_FOR_BOTH || canTranslate(openTransport);
  } catch (error) {
    if (error instanceof LvscareError && MISSING.has(error.errno ?? "")) return false;
    throw error;
  }
}

/** The rules of one virtual server in the table `inet lvscare`, which all of them share and the last one takes along. */
export function nftRules(
  { service, bit }: MasqueradeOptions,
  openTransport: OpenTransport = openNetfilter,
): FirewallRules {
  const key = formatServiceKey(service);
  const comment = `${key} bit ${bit}`;
  const mark = 2 ** bit;
  const marking = [...toEndpoint(service.endpoint, service.protocol === "udp" ? "udp" : "tcp"), ...setMark(mark)];
  const wanted: Readonly<Record<string, readonly Expression[]>> = {
    prerouting: marking,
    output: marking,
    postrouting: [...hasMark(mark), ...clearMark(mark), masquerade()],
  };
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
      return change(openTransport, (rules) => {
        const ours = rules.filter(isOurs);
        if (ours.length === 0) return [];
        if (ours.length === rules.length) return [deleteTable(TABLE)];
        return ours.map((rule) => deleteRule(TABLE, rule));
      });
    },
  };
}

// --- internal ---

const TABLE = "lvscare";

/** Where nat rules see the first packet of each connection: what they decide goes for all of it. */
const CHAINS: readonly BaseChain[] = [
  { name: "prerouting", type: "nat", hook: "prerouting", priority: -100 },
  { name: "output", type: "nat", hook: "output", priority: -100 },
  { name: "postrouting", type: "nat", hook: "postrouting", priority: 100 },
];

/** No netfilter at all; no nftables in it (EINVAL: nobody there who would know the message). */
const MISSING = new Set(["EPROTONOSUPPORT", "EINVAL", "EOPNOTSUPP", "EAFNOSUPPORT"]);

/** Since kernel 5.2, and in older ones of some distributions, a table can be for IPv4 and IPv6 and translate addresses. */
const NAT_FOR_BOTH = parseVersion("5.2");
const ATTEMPT = "lvscare-attempt";

/** So often somebody else may change the ruleset between our look and our write. */
const TRIES = 10;

function openNetfilter(): ReturnType<OpenTransport> {
  return openKernelTransport("netfilter");
}

function generationOf(connection: NetlinkConnection): number | undefined {
  const { replies, refusal } = connection.request(getGeneration(), decodeGeneration);
  if (refusal !== undefined) throw refused(refusal, "read the firewall's generation");
  return replies[0];
}

/** Makes a table with such chains and deletes it, in one transaction that nobody sees anything of. */
function canTranslate(openTransport: OpenTransport): boolean {
  try {
    return change(openTransport, () => [
      newTable(ATTEMPT),
      ...CHAINS.map((chain) => newChain(ATTEMPT, chain)),
      deleteTable(ATTEMPT),
    ]);
  } catch (error) {
    if (error instanceof LvscareError && error.code === "KERNEL_REFUSED") return false;
    throw error;
  }
}

function readRules(connection: NetlinkConnection): readonly RuleHead[] {
  const { replies, refusal } = connection.dump(getRules(TABLE), decodeRule);
  if (refusal?.errno === "ENOENT") return [];
  if (refusal !== undefined) throw refused(refusal, `read the firewall's table ${TABLE}`);
  return replies.filter((rule) => rule !== undefined);
}

/** All or nothing, and only as long as nobody else changed what was looked at. Whether there was anything to do. */
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
