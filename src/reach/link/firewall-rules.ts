import type { ServiceKey } from "../../domain/virtual-server.ts";

export interface MasqueradeOptions {
  readonly service: ServiceKey;
  /** Of the packet mark, 0 to 31: set on what goes to the virtual server, and looked at when it leaves. */
  readonly bit: number;
}

/** Rules for one virtual server in one firewall. */
export interface FirewallRules {
  inspect(): Promise<string | undefined>;
  establish(): Promise<void>;
  remove(): Promise<boolean>;
}
