import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ipvsOutlook, type ModuleFolders } from "../../../src/dataplane/ipvs/outlook.ts";

let root: string;
let folders: ModuleFolders;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "outlook-"));
  folders = { proc: join(root, "proc"), sys: join(root, "sys"), modules: join(root, "modules") };
  for (const folder of ["proc/net", "sys/module", "modules"]) await mkdir(join(root, folder), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

const DEP = "kernel/net/netfilter/ipvs/ip_vs.ko: kernel/net/nf.ko\nkernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: ";

test("what can be loaded is there, and not loaded yet", async () => {
  await modules(DEP);
  expect(ipvsOutlook("rr", folders)).toEqual({ isLoaded: false, doubts: [] });
});

test("a scheduler is built in, or loaded, or missing", async () => {
  await modules(DEP, "kernel/net/netfilter/ipvs/ip_vs_wrr.ko\n");
  await writeFile(join(root, "proc/net/ip_vs"), "");
  await mkdir(join(root, "sys/module/ip_vs_lc"));
  for (const scheduler of ["rr", "wrr", "lc"])
    expect(ipvsOutlook(scheduler, folders)).toEqual({ isLoaded: true, doubts: [] });
  // `lblc` is no `lblcr`, and `wlc` no `lc`.
  expect(() => ipvsOutlook("wlc", folders)).toThrow("the kernel has no scheduler wlc");
});

test("a kernel without IPVS is named with its remedy", async () => {
  await modules("kernel/net/nf.ko:\nkernel/net/netfilter/ipvs/ip_vs_rr.ko:\n");
  expect(() => ipvsOutlook("rr", folders)).toThrow("this kernel has no IPVS");
});

test("without the list of modules, it says what it cannot know", async () => {
  expect(ipvsOutlook("rr", folders).doubts).toEqual([
    `whether this kernel has IPVS is not known: it is not loaded, and the list of its modules, ${folders.modules}/modules.dep, is not here`,
  ]);
  await writeFile(join(root, "proc/net/ip_vs"), "");
  expect(ipvsOutlook("rr", folders)).toEqual({
    isLoaded: true,
    doubts: [
      `whether this kernel has the scheduler rr is not known: the list of its modules, ${folders.modules}/modules.dep, is not here`,
    ],
  });
});

// --- internal ---

async function modules(dep: string, builtin = ""): Promise<void> {
  await writeFile(join(root, "modules/modules.dep"), dep);
  await writeFile(join(root, "modules/modules.builtin"), builtin);
}
