import { LvscareError } from "../../domain/errors.ts";
import { formatServiceKey } from "../../domain/virtual-server.ts";
import type { HostObject } from "../host-object.ts";
import type { FirewallRules, MasqueradeOptions } from "./firewall-rules.ts";
import { iptablesRules } from "./iptables-rules.ts";
import type { FirewallTables } from "./iptables.ts";
import { hasNftables, nftRules } from "./nft-rules.ts";

/**
 * Packets to the virtual server leave this host with its own address. Without that, a real server would answer other
 * hosts' clients past IPVS, and clients on this host, which connect from the virtual address, not at all. The other
 * bits of a packet's mark stay as they are. `firewall`: of all virtual servers of this process.
 */
export function masquerade(options: MasqueradeOptions, firewall: FirewallTables): HostObject {
  const byIptables = iptablesRules(options, firewall.of(options.service.endpoint.family));
  let rules: FirewallRules | undefined;
  // One kind of firewall for as long as the process runs: a kernel does not lose what it supports.
  const chosen = (): FirewallRules => (rules ??= hasNftables() ? nftRules(options) : byIptables);
  return {
    name: `masquerading for ${formatServiceKey(options.service)} by mark bit ${options.bit}`,
    inspect: async () => chosen().inspect(),
    async foresee() {
      // Which kind a kernel takes is found out by a trial: rules that stand are of the kind that it took.
      for (const standing of [nftRules(options), byIptables])
        if (await standing.hasAny()) return { deviation: await standing.inspect() };
      return { deviation: "missing" };
    },
    establish: async () => chosen().establish(),
    async remove() {
      // For all kinds of rules, because the kind then is not known. A process that may not even look at rules cannot
      // have made any.
      const byNft = await whereAllowed(() => nftRules(options).remove());
      const isTakenBack = await byIptables.remove();
      return byNft || isTakenBack;
    },
    isRemovable: async () => (await whereAllowed(() => nftRules(options).hasAny())) || (await byIptables.hasAny()),
  };
}

// --- internal ---

async function whereAllowed(look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof LvscareError && error.code === "NOT_PERMITTED") return false;
    throw error;
  }
}
