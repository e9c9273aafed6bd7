import { listenPausably, openTcpSocket, socketBytes } from "#native";
import {
  UserspaceDataPlane,
  type UserspaceDataPlaneOptions,
} from "../../../src/dataplane/userspace/userspace-data-plane.ts";
import type { Stage } from "../contract.ts";

let stages = 0;

/** A userspace plane on loopback addresses that no other test process uses, and ports that no other stage of this one does. */
export async function openStage(options: Partial<UserspaceDataPlaneOptions> = {}): Promise<Stage> {
  const plane = new UserspaceDataPlane({
    dial: openTcpSocket,
    listen: listenPausably,
    bytes: socketBytes,
    localAddresses: { ensure: async () => "already-local", release: async () => {} },
    onFault: (error) => {
      throw error;
    },
    ...options,
  });
  const port = 10_000 + (stages++ % 20_000);
  const network = `127.${64 + ((process.pid >> 8) & 63)}.${process.pid & 255}`;
  return {
    plane,
    virtualEndpoint: (n) => ({ family: "ipv4", address: `${network}.${100 + n}`, port }),
    realAddress: (n) => `${network}.${n}`,
    close: () => plane.close(),
  };
}
