import { NetlinkSocket } from "#native";
import type { NetlinkTransport } from "./transport.ts";

/** The way to this machine's kernel: `generic` for families such as IPVS, `route` for links and addresses. */
export function openKernelTransport(protocol: "generic" | "route"): NetlinkTransport {
  return NetlinkSocket.open(protocol);
}
