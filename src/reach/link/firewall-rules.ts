import type { ServiceKey } from "../../domain/virtual-server.ts";

export interface MasqueradeOptions {
  readonly service: ServiceKey;
  /** A bit of the packet mark, 0 to 31: set on packets to the virtual server, and checked when they leave. */
  readonly bit: number;
}

/** Rules for one virtual server in one firewall. */
export interface FirewallRules {
  inspect(): Promise<string | undefined>;
  establish(): Promise<void>;
  remove(): Promise<boolean>;
  /** Whether any rule of this virtual server is there; false also where there can be none. Changes nothing. */
  hasAny(): Promise<boolean>;
}
