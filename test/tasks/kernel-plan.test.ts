import { expect, test } from "bun:test";
import { planKernelJobs, type KernelJob } from "../../tasks/test/kernel-plan.ts";

const NAMES = ["faults", "loopback-address", "smoke", "ipvs-contract", "deliveries", "story", "reach-link-nftables"];
const FILES = NAMES.map((name) => `test/kernel/${name}.test.ts`);

test("each file goes to the fastest lab that serves, short ones into one guest, and what asks for it to a second kernel", async () => {
  const { jobs, leftOut } = await planKernelJobs(FILES, { everyVersion: true, processors: 1, guests: 2 });
  expect(leftOut).toEqual([]);
  expect(groupsIn(jobs, "uml")).toEqual([
    ["faults"],
    ["story"],
    ["deliveries"],
    ["ipvs-contract", "loopback-address", "smoke"],
  ]);
  expect(groupsIn(jobs, "qemu")).toEqual([["reach-link-nftables"]]);
  expect(groupsIn(jobs, "qemu-6.12").flat().toSorted()).toEqual(["ipvs-contract", "reach-link-nftables"]);
  expect(jobs.filter(({ browser }) => browser).flatMap(({ files }) => files)).toEqual(["test/kernel/story.test.ts"]);
  expect(jobs.filter(({ deliveries }) => deliveries).flatMap(({ files }) => files)).toEqual([
    "test/kernel/deliveries.test.ts",
  ]);
});

test("where a lab is asked for, one guest of it takes all that it can, and the rest is left out with the reason", async () => {
  const inQemu = await planKernelJobs(FILES, { lab: "qemu-6.12", everyVersion: false, processors: 2 });
  expect([groupsIn(inQemu.jobs, "qemu-6.12").flat().toSorted(), inQemu.leftOut]).toEqual([NAMES.toSorted(), []]);
  const { leftOut } = await planKernelJobs(FILES, { lab: "uml", everyVersion: false, processors: 2 });
  expect(leftOut).toEqual(["test/kernel/reach-link-nftables.test.ts: the lab uml lacks nftables"]);
});

// --- internal ---

/** Of each job in this lab, in the order in which they start, the files' names in the alphabet's. */
function groupsIn(jobs: readonly KernelJob[], lab: string): readonly (readonly string[])[] {
  return jobs
    .filter((job) => job.lab === lab)
    .map(({ files }) => files.map((file) => file.replace(/^test\/kernel\/|\.test\.ts$/g, "")).toSorted());
}
