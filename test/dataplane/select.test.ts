import { describe, expect, test } from "bun:test";
import type { DataPlane, DataPlaneKind } from "../../src/dataplane/data-plane.ts";
import { selectDataPlane } from "../../src/dataplane/select.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import { virtualServer } from "../../src/domain/virtual-server.ts";
import { MemoryDataPlane } from "../../src/simulation/memory-data-plane.ts";

const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") }, "rr");
const missing = new LvscareError("MODULE_MISSING", "this kernel has no IPVS", { remedy: "run `modprobe ip_vs`" });

describe("data plane selection", () => {
  test("auto takes the kernel where it works", async () => {
    const planes = openers({});
    const { dataPlane, because } = await selectDataPlane("auto", service, planes.open);
    expect([dataPlane, because]).toEqual([planes.opened.ipvs as DataPlane, undefined]);
    expect(planes.opened.userspace).toBeUndefined();
  });

  test("auto falls back to userspace for what the host lacks, says why, and lets go of the kernel", async () => {
    const planes = openers({ ipvs: missing });
    const { dataPlane, because } = await selectDataPlane("auto", service, planes.open);
    expect([dataPlane, because]).toEqual([planes.opened.userspace as DataPlane, missing]);
    expect(planes.closed).toEqual(["ipvs"]);
  });

  test("auto does not change who moves the packets because the kernel is busy", async () => {
    const busy = new LvscareError("KERNEL_TIMEOUT", "no answer");
    await expect(selectDataPlane("auto", service, openers({ ipvs: busy }).open)).rejects.toBe(busy);
  });

  test("an insisted-on data plane is taken or refused, never replaced", async () => {
    const planes = openers({ ipvs: missing });
    await expect(selectDataPlane("ipvs", service, planes.open)).rejects.toBe(missing);
    expect(planes.closed).toEqual(["ipvs"]);
    expect((await selectDataPlane("userspace", service, openers({}).open)).because).toBeUndefined();
  });

  test("one that would serve nobody is not even opened: auto takes the other, who insists is told", async () => {
    const obstacle = new LvscareError("NO_PASSAGE", "clients would hang", { remedy: "use the other" });
    const obstacleTo = (kind: DataPlaneKind): LvscareError | undefined => (kind === "ipvs" ? obstacle : undefined);
    const planes = openers({});
    const { dataPlane, because } = await selectDataPlane("auto", service, planes.open, obstacleTo);
    expect([dataPlane, because]).toEqual([planes.opened.userspace as DataPlane, obstacle]);
    expect(planes.opened.ipvs).toBeUndefined();
    await expect(selectDataPlane("ipvs", service, openers({}).open, obstacleTo)).rejects.toBe(obstacle);
  });

  test("auto does not do by the one what must not be done by the other", async () => {
    const taken = new LvscareError("IN_THE_WAY", "it is another host's");
    const planes = openers({});
    await expect(selectDataPlane("auto", service, planes.open, () => taken)).rejects.toBe(taken);
    expect(planes.opened).toEqual({});
  });

  test("with neither working, says why for both", async () => {
    const taken = new LvscareError("ADDRESS_IN_USE", "port 443 is taken");
    const planes = openers({ ipvs: missing, userspace: taken });
    await expect(selectDataPlane("auto", service, planes.open)).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message:
        "neither data plane works here. ipvs: this kernel has no IPVS (run `modprobe ip_vs`); userspace: port 443 is taken",
    });
    expect(planes.closed).toEqual(["ipvs", "userspace"]);
  });
});

// --- internal ---

function openers(faults: Partial<Record<DataPlaneKind, LvscareError>>) {
  const opened: Partial<Record<DataPlaneKind, DataPlane>> = {};
  const closed: DataPlaneKind[] = [];
  const open = (kind: DataPlaneKind): Promise<DataPlane> => {
    const plane = new MemoryDataPlane();
    const fault = faults[kind];
    if (fault !== undefined) plane.preflight = () => Promise.reject(fault);
    plane.close = () => {
      closed.push(kind);
      return Promise.resolve();
    };
    opened[kind] = plane;
    return Promise.resolve(plane);
  };
  return { open, opened, closed };
}
