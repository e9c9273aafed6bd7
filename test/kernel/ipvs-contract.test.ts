import { setDefaultTimeout } from "bun:test";
import { openIpvs } from "../../src/dataplane/ipvs/ipvs-plane.ts";
import { ensureLocalAddress } from "../../src/reach/loopback-address.ts";
import { describeDataPlane, type Stage } from "../dataplane/contract.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

describeDataPlane("ipvs", openStage);

/** Virtual addresses on lo, as link mode puts them there; real servers on loopback addresses. */
async function openStage(): Promise<Stage> {
  const virtualAddress = (n: number): string => `10.103.97.${n}`;
  for (const n of [1, 2]) await ensureLocalAddress(virtualAddress(n));
  const plane = await openIpvs();
  return {
    plane,
    virtualEndpoint: (n) => ({ family: "ipv4", address: virtualAddress(n), port: 16_443 }),
    realAddress: (n) => `127.0.1.${n}`,
    close: () => plane.close(),
  };
}
