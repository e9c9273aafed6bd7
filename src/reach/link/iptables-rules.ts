import { hostCidr } from "../../domain/endpoint.ts";
import { formatServiceKey } from "../../domain/virtual-server.ts";
import type { FirewallRules, MasqueradeOptions } from "./firewall-rules.ts";
import { RANDOM_PORTS, type Iptables } from "./iptables.ts";
import { commentOf, isSameRule, type NatChange, type NatTable, type Rule } from "./nat-table.ts";

/**
 * The same rules as for nftables, for kernels without it: in the chains LVSCARE-SERVICES and LVSCARE-POSTROUTING of
 * the nat table, which all virtual servers share and the last one removes.
 */
export function iptablesRules({ service, bit }: MasqueradeOptions, iptables: Iptables): FirewallRules {
  const { endpoint, protocol } = service;
  const key = formatServiceKey(service);
  const comment = `${key} bit ${bit}`;
  const mark = `0x${(2 ** bit).toString(16)}`;
  const noted = ["-m", "comment", "--comment", comment];
  const to = ["-p", protocol, "-d", hostCidr(endpoint), "-m", protocol, "--dport", String(endpoint.port)];
  const wanted: readonly Rule[] = [
    { chain: SERVICES, spec: [...to, ...noted, "-j", "MARK", "--set-xmark", `${mark}/${mark}`] },
    {
      chain: POSTROUTING,
      spec: ["-m", "mark", "--mark", `${mark}/${mark}`, ...noted, "-j", "MASQUERADE", RANDOM_PORTS],
    },
  ];

  const isOurs = (rule: Rule): boolean => commentOf(rule)?.startsWith(`${key} `) === true;
  const oursIn = (table: NatTable | undefined): readonly Rule[] => table?.rulesIn(CHAINS).filter(isOurs) ?? [];
  const isComplete = (rules: readonly Rule[]): boolean =>
    rules.length === wanted.length &&
    wanted.every(({ chain }) => rules.some((rule) => rule.chain === chain && commentOf(rule) === comment));

  return {
    async inspect() {
      const table = await iptables.look();
      const rules = oursIn(table);
      if (isComplete(rules) && table !== undefined && JUMPS.every((jump) => table.has(jump))) return undefined;
      return rules.length === 0 ? "missing" : "is not as it should be";
    },
    async establish() {
      await iptables.change((table) => {
        const rules = oursIn(table);
        return [
          ...CHAINS.filter((chain) => !table.hasChain(chain)).map((chain): NatChange => ({ verb: "-N", chain })),
          ...JUMPS.filter((jump) => !table.has(jump)).map((jump): NatChange => ({ verb: "-A", ...jump })),
          // The new ones first, for there is no moment without any.
          ...(isComplete(rules) ? [] : [...added(wanted), ...deleted(rules)]),
        ];
      });
    },
    remove: () =>
      iptables.change((table) => {
        const rules = oursIn(table);
        // Also when another program emptied the chains and left them.
        const isLast = table.rulesIn(CHAINS).every(isOurs);
        return [...deleted(rules), ...(isLast ? chainsDropped(table) : [])];
      }),
    hasAny: async () => iptables.hasTable && oursIn(await iptables.look()).length > 0,
  };
}

// --- internal ---

const SERVICES = "LVSCARE-SERVICES";
const POSTROUTING = "LVSCARE-POSTROUTING";
const CHAINS: readonly string[] = [SERVICES, POSTROUTING];

const JUMPS: readonly Rule[] = [
  { chain: "PREROUTING", spec: ["-j", SERVICES] },
  { chain: "OUTPUT", spec: ["-j", SERVICES] },
  { chain: "POSTROUTING", spec: ["-j", POSTROUTING] },
];

function added(rules: readonly Rule[]): readonly NatChange[] {
  return rules.map((rule) => ({ verb: "-A", ...rule }));
}

function deleted(rules: readonly Rule[]): readonly NatChange[] {
  return rules.map((rule) => ({ verb: "-D", ...rule }));
}

/** With all that leads to them: they may have been jumped to twice. */
function chainsDropped(table: NatTable): readonly NatChange[] {
  const jumps = JUMPS.flatMap((jump) => table.rules.filter((rule) => isSameRule(rule, jump)));
  const chains = CHAINS.filter((chain) => table.hasChain(chain));
  return [...deleted(jumps), ...chains.map((chain): NatChange => ({ verb: "-X", chain }))];
}
