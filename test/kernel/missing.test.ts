import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { currentOffers } from "./harness/labs.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, tableWith, VS } from "./support/care-flags.ts";
import { startHost, type Host } from "./support/host.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import { modprobeRefuses, unloadIpvs } from "./support/modules.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const ON_IPVS = [...careFlags(), "--data-plane", "ipvs"];
const NOBODY = ["setpriv", "--reuid", "65534", "--clear-groups"];

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
beforeEach(() => host.namespace.run(["ipvsadm", "-C"]));
afterAll(() => host[Symbol.asyncDispose]());

test.skipIf(!currentOffers().ownModules)("a kernel without ip_vs is named, with the remedy", async () => {
  const { namespace } = host;
  await namespace.run(["ipvsadm", "-C"]);
  await unloadIpvs();
  {
    await using _ = await modprobeRefuses("ip_vs");
    const refused = await runLvscare(namespace, ["care", ...ON_IPVS]);
    expect([refused.exitCode, refused.stdout, refused.stderr.split("\n")]).toEqual([
      1,
      "",
      [expect.stringMatching(/^lvscare: .*this kernel has no IPVS.*`modprobe ip_vs`/), ""],
    ]);
    expect(await namespace.exec("ls", "/run/lvscare")).toBe("");

    await using care = startCare(namespace, careFlags());
    const warning = await care.waitForLog(/^WARN/);
    expect(warning).toMatch(
      /^WARN using the userspace data plane, because .*this kernel has no IPVS.*`modprobe ip_vs`/,
    );
    await care.waitForLog(/DEBUG add real server/, { times: 3 });
    expect(await namespace.exec("curl", "-s", "--max-time", "20", `http://${VS}/`)).toMatch(/^127\.0\.0\.1:808\d$/);
    expect(await care.status()).toContain("data plane  userspace (in process), because this kernel has no IPVS");
    expect(care.logged(/^WARN/)).toEqual([warning]);
    expect(await care.stop()).toBe(0);

    const cleaned = await runLvscare(namespace, ["care", "--vs", VS, "-C"]);
    expect([cleaned.exitCode, cleaned.stderr]).toEqual([0, expect.stringContaining("this kernel has no IPVS")]);
  }
  await using care = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  expect(await care.status()).toContain("data plane  ipvs (libnl)");
});

test("without CAP_NET_ADMIN nothing is changed, and the remedy is named", async () => {
  const { namespace } = host;
  await namespace.exec("ipvsadm", "-A", "-t", "10.96.7.7:80", "-s", "wlc");
  const before = tableOf(namespace);
  const refused = await namespace.run([...NOBODY, lvscareBinary(), "care", ...ON_IPVS]);
  expect([refused.exitCode, refused.stdout, refused.stderr.split("\n")]).toEqual([
    1,
    "",
    [expect.stringMatching(/^lvscare: .*CAP_NET_ADMIN.*--cap-add NET_ADMIN/), ""],
  ]);
  expect(tableOf(namespace)).toEqual(before);
});

test("CAP_NET_ADMIN alone is enough", async () => {
  const { namespace } = host;
  const runtime = "/tmp/lvscare-of-nobody";
  await mkdir(runtime, { recursive: true });
  await namespace.exec("chown", "65534", runtime);
  const capable = [...NOBODY, "--inh-caps", "+net_admin", "--ambient-caps", "+net_admin"];
  const env = { XDG_RUNTIME_DIR: runtime };
  const child = namespace.spawn([...capable, lvscareBinary(), "care", ...ON_IPVS], env);
  await waitForTable(namespace, tableWith());
  const status = await namespace.run([...NOBODY, lvscareBinary(), "status"], env);
  expect(status.stdout).toContain("data plane  ipvs (libnl)");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("where /run cannot be written to, the daemon works all the same, and says what does not", async () => {
  const { namespace } = host;
  await namespace.exec("mount", "-o", "remount,ro", "/run/lvscare");
  try {
    await using care = startCare(namespace, careFlags());
    expect(await care.waitForLog(/^WARN/)).toMatch(/^WARN `lvscare status` will not find this daemon: .*EROFS/);
    await waitForTable(namespace, tableWith());
    const status = await runLvscare(namespace, ["status"]);
    expect([status.exitCode, status.stdout]).toEqual([0, expect.stringContaining("this is the kernel's table")]);
    expect(await care.stop()).toBe(0);
  } finally {
    await namespace.exec("mount", "-o", "remount,rw", "/run/lvscare");
  }
});

test("a scheduler that cannot be had is named, whichever data plane lacks it", async () => {
  const { namespace } = host;
  await namespace.run(["modprobe", "--remove", "ip_vs_nq"]);
  await using _ = await modprobeRefuses("ip_vs_nq");
  const kernel = await runLvscare(namespace, ["care", ...ON_IPVS, "--scheduler", "nq"]);
  expect([kernel.exitCode, kernel.stderr]).toEqual([1, expect.stringContaining("`modprobe ip_vs_nq`")]);
  const proxy = await runLvscare(namespace, ["care", ...careFlags(), "--data-plane=userspace", "--scheduler=mh"]);
  expect([proxy.exitCode, proxy.stderr]).toEqual([1, expect.stringMatching(/^lvscare: .*mh.*rr, wrr, lc, wlc/)]);
  expect(tableOf(namespace)).toEqual({});
});
