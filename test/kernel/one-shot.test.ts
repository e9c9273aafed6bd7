import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { startHost, type Host } from "./support/host.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import type { Ended } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const [A, B, C] = SERVERS;
const OTHER_VS = "10.96.0.2:80";

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
afterEach(() => host.namespace.exec("ipvsadm", "-C"));
afterAll(() => host[Symbol.asyncDispose]());

describe("--run-once", () => {
  test("puts every server in without a check and leaves the rules; again, it changes nothing", async () => {
    const before = await host.echo.connections();
    const dead = "127.0.0.1:9";
    expect((await care("--run-once", ...careFlags([...SERVERS, dead]))).exitCode).toBe(0);
    expect(await table()).toEqual(tableWith([...SERVERS, dead]));
    const again = await care("--run-once", ...careFlags([...SERVERS, dead]));
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain("INFO everything stands already; nothing changed");
    expect(await table()).toEqual(tableWith([...SERVERS, dead]));
    expect(await host.echo.connections()).toEqual(before);
  });

  test("with another list, adds who is new and drains who is gone", async () => {
    await care("--run-once", ...careFlags([A, B]));
    expect((await care("--run-once", ...careFlags([B, C]))).exitCode).toBe(0);
    expect(await table()).toEqual({ [`TCP ${VS} rr`]: { [A]: 0, [B]: 1, [C]: 1 } });
  });

  test("takes every scheduler that the kernel has", async () => {
    const schedulers = await schedulersOfTheKernel();
    const chosen = schedulers.map((scheduler, index) => [scheduler, `10.96.1.${index}:80`] as const);
    for (const [scheduler, vs] of chosen) {
      const { exitCode, stderr } = await care("--run-once", ...careFlags([A], vs), "--scheduler", scheduler);
      expect(exitCode, stderr).toBe(0);
    }
    expect(schedulers).toContain("mh");
    const services = chosen.map(([scheduler, vs]) => [`TCP ${vs} ${scheduler}`, { [A]: 1 }]);
    expect(await table()).toEqual(Object.fromEntries(services));
  });
});

describe("--config", () => {
  test("with --run-once sets up all of a file's virtual servers, and with -C takes them away", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lvscare-config-"));
    try {
      const path = join(folder, "care.yaml");
      await Bun.write(
        path,
        `version: 1
defaults: {probe: {type: http}, mode: none}
virtual-servers:
- address: ${VS}
  scheduler: wrr
  persistence: {timeout: 5m, prefix: 24}
  real-servers: [{address: "${A}", weight: 3}, {address: "${B}", drained: true}]
- {address: "${OTHER_VS}", real-servers: ["${C}"]}
`,
      );
      expect(await care("--config", path, "--run-once")).toMatchObject({ exitCode: 0 });
      const saved = await host.namespace.exec("ipvsadm", "-Sn");
      expect(saved.trim().split("\n").toSorted()).toEqual(
        [
          `-A -t ${OTHER_VS} -s rr`,
          `-A -t ${VS} -s wrr -p 300 -M 255.255.255.0`,
          `-a -t ${OTHER_VS} -r ${C} -m -w 1`,
          `-a -t ${VS} -r ${A} -m -w 3`,
          `-a -t ${VS} -r ${B} -m -w 0`,
        ].toSorted(),
      );
      // A file may be an old one: what a daemon cares for by now is left to it, by -C and by what --dry-run says of that.
      {
        await using daemon = startCare(host.namespace, careFlags([C], OTHER_VS));
        await daemon.waitForLog(/took over/);
        const left = `pid ${daemon.pid} cares for tcp ${OTHER_VS}, so it was left alone`;
        expect(await care("--config", path, "-C", "--dry-run")).toMatchObject({
          exitCode: 1,
          stdout: expect.stringContaining(`left to pid ${daemon.pid}`),
        });
        expect(await care("--config", path, "-C")).toMatchObject({
          exitCode: 1,
          stderr: expect.stringContaining(left),
        });
        expect(await table()).toEqual(tableWith([C], OTHER_VS));
        await daemon.stop();
      }
      expect((await care("--config", path, "-C")).exitCode).toBe(0);
      expect(await table()).toEqual({});
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("-C", () => {
  test("removes one virtual server, leaves the other, and is content with nothing to remove", async () => {
    await care("--run-once", ...careFlags([A]));
    await care("--run-once", ...careFlags([A], OTHER_VS));
    for (const _time of ["first", "second"]) {
      expect((await care("--vs", VS, "-C")).exitCode).toBe(0);
      expect(await table()).toEqual(tableWith([A], OTHER_VS));
    }
  });

  test("with --run-once cleans all the same", async () => {
    await care("--run-once", ...careFlags([A]));
    expect((await care("--vs", VS, "-C", "--run-once")).exitCode).toBe(0);
    expect(await table()).toEqual({});
  });

  test("warns of a daemon that will put it back, with its pid", async () => {
    await using daemon = startCare(host.namespace, careFlags([A]));
    await waitForTable(host.namespace, tableWith([A]));
    const { exitCode, stderr } = await care("--vs", VS, "-C");
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`WARN pid ${daemon.pid} still cares for tcp ${VS} and will put it back; stop it first`);
    await waitForTable(host.namespace, tableWith([A]));
  });
});

describe("lvscare ipvs, as sealctl calls it", () => {
  const checks = "--health-path /healthz --health-schem https";

  test("sets up before a join and cleans at a reset, without a check and without --ip", async () => {
    const before = await host.echo.connections();
    const join = `--vs ${VS} --rs ${A} --rs ${B} ${checks} --run-once`;
    expect(await ipvs(join)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(await table()).toEqual(tableWith([A, B]));
    expect(await host.echo.connections()).toEqual(before);
    for (const _time of ["first", "second"]) {
      expect(await ipvs(`--vs ${VS} -C`)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(await table()).toEqual({});
    }
  });

  test("leaves to the daemon that follows what it has set up", async () => {
    await ipvs(`--vs ${VS} --rs ${A} --rs ${B} ${checks} --run-once`);
    await using daemon = startCare(host.namespace, careFlags([A, B]));
    expect(await daemon.waitForLog(/took over the table/)).toBe("INFO took over the table: 2 healthy");
    expect(await daemon.stop()).toBe(0);
    expect(await table()).toEqual(tableWith([A, B]));
  });

  test("does the same by IPVS_ variables alone", async () => {
    const variables = { IPVS_VS: VS, IPVS_RS: `${A},${C}`, CARE_RS: B };
    expect(await runLvscare(host.namespace, ["ipvs", "--run-once"], variables)).toMatchObject({ exitCode: 0 });
    expect(await table()).toEqual(tableWith([A, C]));
    expect(await runLvscare(host.namespace, ["ipvs"], { ...variables, IPVS_CLEAN: "true" })).toMatchObject({
      exitCode: 0,
    });
    expect(await table()).toEqual({});
  });
});

test("a daemon that is stopped by Ctrl-C leaves the rules", async () => {
  await using daemon = startCare(host.namespace, careFlags([A, B]));
  await waitForTable(host.namespace, tableWith([A, B]));
  expect(await daemon.stop("SIGINT")).toBe(0);
  expect(await table()).toEqual(tableWith([A, B]));
});

test.each([
  { flags: `--vs 10.96.0.1:99999 --rs ${A}`, names: ["--vs", "10.96.0.1:99999"] },
  { flags: `--vs 10.96.0.1 --rs ${A}`, names: ["--vs", "10.96.0.1"] },
  { flags: `--vs ${VS} --rs localhost:8081`, names: ["--rs", "localhost:8081"] },
  { flags: `--vs ${VS} --rs ${A} --interval often`, names: ["--interval", "often"] },
  { flags: `--vs ${VS} --rs ${A} --scheduler fair`, names: ["--scheduler", "fair"] },
  { flags: `--vs ${VS} --rs ${A} --health-schem ftp`, names: ["--health-schem", "ftp"] },
  { flags: `--vs ${VS} --rs ${A} --shceduler rr`, names: ["--shceduler"] },
  { flags: `--rs ${A}`, names: ['"vs"'] },
])("refuses $flags, says why and changes nothing", async ({ flags, names }) => {
  const standing = { [`TCP ${VS} wlc`]: { [B]: 1 } };
  await host.namespace.exec("ipvsadm", "-A", "-t", VS, "-s", "wlc");
  await host.namespace.exec("ipvsadm", "-a", "-t", VS, "-r", B, "-m");
  const endings = await Promise.all(["--run-once", "-C"].map((action) => care(...flags.split(" "), action)));
  for (const { exitCode, stderr } of endings) {
    expect(exitCode).toBe(1);
    for (const name of names) expect(stderr).toContain(name);
  }
  expect(await table()).toEqual(standing);
});

// --- internal ---

function care(...flags: readonly string[]): Promise<Ended> {
  return runLvscare(host.namespace, ["care", ...flags]);
}

function ipvs(flags: string): Promise<Ended> {
  return runLvscare(host.namespace, ["ipvs", ...flags.split(" ")]);
}

function table(): ReturnType<typeof tableOf> {
  return tableOf(host.namespace);
}

/** Its modules ip_vs_*, but for a connection helper and a persistence engine. */
async function schedulersOfTheKernel(): Promise<string[]> {
  const files = await readdir(`/lib/modules/${release()}/kernel/net/netfilter/ipvs`);
  const names = files.flatMap((file) => /^ip_vs_(\w+)\.ko/.exec(file)?.[1] ?? []);
  return names.filter((name) => name !== "ftp" && name !== "pe_sip").toSorted();
}
