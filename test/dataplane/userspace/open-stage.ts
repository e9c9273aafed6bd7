import { openTcpSocket } from "#native";
import {
  UserspaceDataPlane,
  type UserspaceDataPlaneOptions,
} from "../../../src/dataplane/userspace/userspace-data-plane.ts";
import type { Stage } from "../contract.ts";

/** A userspace plane on loopback addresses that no other test process uses. */
export async function openStage(options: Partial<UserspaceDataPlaneOptions> = {}): Promise<Stage> {
  const plane = new UserspaceDataPlane({
    dial: openTcpSocket,
    ensureLocalAddress: async () => {},
    onFault: (error) => {
      throw error;
    },
    ...options,
  });
  const network = `127.${64 + ((process.pid >> 8) & 63)}.${process.pid & 255}`;
  return {
    plane,
    virtualEndpoint: (n) => ({ family: "ipv4", address: `${network}.${100 + n}`, port: 16_443 }),
    realAddress: (n) => `${network}.${n}`,
    close: () => plane.close(),
  };
}
