import type { Named } from "./name.ts";
import type { NamedVirtualServer } from "./virtual-server-name.ts";

/** What a daemon cares for, without the state of it. Plain data that survives JSON. */
export interface DaemonListing {
  /** That it is in: `4026531840`. */
  readonly networkNamespace?: string;
  /** The absolute path of its configuration file; absent where it was started with flags. */
  readonly configFile?: string;
  readonly virtualServers: readonly VirtualServerListing[];
}

export interface VirtualServerListing extends NamedVirtualServer {
  readonly realServers: readonly Named[];
}
