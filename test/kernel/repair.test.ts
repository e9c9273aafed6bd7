import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { currentOffers } from "./harness/labs.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { startHost, type Host } from "./support/host.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import { haltBetweenReads, modprobeRefuses, unloadIpvs } from "./support/modules.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";
import { WeightHistory } from "./support/weight-history.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const [A, B, C] = SERVERS;
const FOREIGN = "127.0.0.1:9999";
const WEB = "127.0.0.1:9105";
const UNLOAD = "ipvsadm -C; rmmod $(lsmod | grep -o '^ip_vs_[a-z]*'); rmmod ip_vs";
const REPAIRED = "WARN repaired what someone else changed:";

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
afterAll(() => host[Symbol.asyncDispose]());

describe("what others change in the kernel is repaired within an interval, and said", () => {
  let care: CareProcess;
  beforeAll(async () => {
    care = startCare(host.namespace, careFlags());
    await waitForTable(host.namespace, tableWith());
  });
  // Each test leaves the table repaired for the next one.
  afterAll(async () => {
    await care[Symbol.asyncDispose]();
    await host.namespace.exec("ipvsadm", "-C");
  });

  test.each([
    { change: "a deleted virtual server", ipvsadm: `-D -t ${VS}`, repairs: recreation() },
    { change: "a flushed table", ipvsadm: "-C", repairs: recreation() },
    { change: "a deleted real server", ipvsadm: `-d -t ${VS} -r ${B}`, repairs: [`add real server ${B} weight 1`] },
    {
      change: "a higher weight",
      ipvsadm: `-e -t ${VS} -r ${A} -m -w 9`,
      repairs: [`set real server ${A} weight 9 → 1`],
    },
    { change: "a weight of 0", ipvsadm: `-e -t ${VS} -r ${C} -m -w 0`, repairs: [`set real server ${C} weight 0 → 1`] },
    {
      change: "another scheduler",
      ipvsadm: `-E -t ${VS} -s wlc`,
      repairs: [`change virtual server tcp ${VS} scheduler wlc → rr`],
    },
  ])("$change", async ({ ipvsadm, repairs }) => {
    const before = care.log().length;
    await host.namespace.exec("ipvsadm", ...ipvsadm.split(" "));
    const changed = care.log().length;
    await waitForTable(host.namespace, tableWith());
    await care.waitForLog(/^WARN repaired/, {
      times: care.log().slice(0, before).filter(isRepair).length + repairs.length,
    });

    const since = care.log().slice(before);
    expect(since.filter(isRepair)).toEqual(repairs.map((repair) => `${REPAIRED} ${repair}`));
    // Checks come once each interval; one may be logged late, when it had come before the change. That may have been found before `ipvsadm` was over.
    const firstRepair = before + since.findIndex(isRepair);
    const between = care.log().slice(changed, Math.max(changed, firstRepair));
    const checks = between.filter((line) => line.includes(`probe of ${A} passed`));
    expect(checks.length).toBeLessThanOrEqual(3);
  });

  test("and every third time within a minute the log asks who keeps doing that", async () => {
    // A kernel interface of this name is what kube-proxy's IPVS mode is known by.
    await host.namespace.exec("ip", "link", "add", "kube-ipvs0", "type", "dummy");
    const before = care.logged(/keeps undoing/).length;
    while (care.logged(/keeps undoing/).length === before) {
      await host.namespace.exec("ipvsadm", "-C");
      await waitForTable(host.namespace, tableWith());
    }
    await host.namespace.exec("ip", "link", "del", "kube-ipvs0");
    expect(care.logged(/keeps undoing/).at(-1)).toMatch(
      /^WARN somebody keeps .* \(3 repairs in 1m\): this is most likely kube-proxy in IPVS mode.*add 10\.96\.0\.1\/32 to ipvs\.excludeCIDRs/,
    );
  });

  test("a real server that nobody listed is drained, then removed", async () => {
    using history = new WeightHistory(host.namespace);
    // A daemon that looks at the table just now would be quicker than the history, which then lacks the weight that stood there.
    process.kill(care.pid, "SIGSTOP");
    await host.namespace.exec("ipvsadm", "-a", "-t", VS, "-r", FOREIGN, "-m", "-w", "3");
    await waitForEqual(() => history.of(FOREIGN), [3]);
    process.kill(care.pid, "SIGCONT");
    await care.waitForLog(/remove real server .*:9999/);
    await waitForTable(host.namespace, tableWith());
    await waitForEqual(
      () => [FOREIGN, ...SERVERS].map((server) => history.of(server)),
      [[3, 0, "absent"], [1], [1], [1]],
    );
    // Where a round of ours came in between, the removal is ours as well.
    const [set, remove] = [`${REPAIRED} set real server ${FOREIGN} weight 3 → 0`, `remove real server ${FOREIGN}`];
    const lines = (): readonly string[] => care.logged(/:9999/).map((line) => line.replace(/^.* (?=remove)/, ""));
    await waitForEqual(lines, [set, remove]);
  });
});

describe("a daemon of its own", () => {
  afterEach(() => host.namespace.exec("ipvsadm", "-C"));

  test("with --keep-foreign a real server that nobody listed stays as it is", async () => {
    const { namespace } = host;
    using history = new WeightHistory(namespace);
    await namespace.exec("ipvsadm", "-A", "-t", VS, "-s", "rr");
    await namespace.exec("ipvsadm", "-a", "-t", VS, "-r", FOREIGN, "-m", "-w", "3");
    await using care = startCare(namespace, [...careFlags([A]), "--keep-foreign"]);
    const expected = { [`TCP ${VS} rr`]: { [FOREIGN]: 3, [A]: 1 } };
    await waitForTable(namespace, expected);
    // A repair shows that rounds have been made since.
    await namespace.exec("ipvsadm", "-d", "-t", VS, "-r", A);
    await care.waitForLog(/^WARN/);
    await waitForTable(namespace, expected);
    await waitForEqual(() => history.of(FOREIGN), [3]);
  });

  test("takes over flags, persistence and real servers that stand there, and keeps them", async () => {
    const { namespace } = host;
    await namespace.exec("ipvsadm", "-A", "-t", VS, "-s", "sh", "-p", "300", "-b", "sh-port");
    await namespace.exec("ipvsadm", "-a", "-t", VS, "-r", A, "-m", "-w", "1", "-x", "50", "-y", "20");
    await using care = startCare(namespace, [...careFlags([A, B]), "--scheduler", "sh"]);
    const expected = { [`TCP ${VS} sh`]: { [A]: 1, [B]: 1 } };
    const flags = async (): Promise<string> => (await namespace.exec("ipvsadm", "-Sn")).split("\n")[0] ?? "";
    await waitForTable(namespace, expected);
    expect(await flags()).toBe(`-A -t ${VS} -s sh -p 300 -b sh-port`);
    await waitForEqual(() => care.logged(/took over/), ["INFO took over the table: 1 healthy, 1 removed"]);
    await namespace.exec("ipvsadm", "-C");
    await waitForTable(namespace, expected);
    expect(await flags()).toBe(`-A -t ${VS} -s sh -p 300 -b sh-port`);
    const limits = (await namespace.exec("ipvsadm", "-Ln", "--thresholds")).split("\n").map((line) => line.trim());
    expect(limits.map((line) => line.replaceAll(/\s+/g, " "))).toEqual(
      expect.arrayContaining([`-> ${A} 50 20 0 0`, `-> ${B} 0 0 0 0`]),
    );
  });

  test.skipIf(!currentOffers().ownModules)("makes everything anew after the module was unloaded", async () => {
    const { namespace } = host;
    await using care = startCare(namespace, careFlags());
    await waitForTable(namespace, tableWith());
    await haltBetweenReads(namespace, care.pid);
    // Namespaces of earlier tests may hold the modules a while longer.
    await waitFor(
      () => namespace.run(["sh", "-c", UNLOAD]),
      ({ exitCode }) => exitCode === 0,
    );
    process.kill(care.pid, "SIGCONT");
    await waitForTable(namespace, tableWith());
    await waitForEqual(
      () => care.logged(/^(WARN|ERROR) (?!.*sysctl)/),
      recreation().map((repair) => `${REPAIRED} ${repair}`),
    );
    // The settings had gone with it; whether the daemon found them wrong or missing goes by what it looked at first.
    await waitForEqual(() => namespace.exec("sysctl", "-n", "net.ipv4.vs.expire_nodest_conn"), "1\n");
  });

  test.skipIf(!currentOffers().ownModules)(
    "waits while the module is gone and cannot be loaded, says so once, and makes everything anew when it can",
    async () => {
      const { namespace } = host;
      await using care = startCare(namespace, [...careFlags(), "--http-listen", WEB]);
      await waitForTable(namespace, tableWith());
      {
        await using _ = await modprobeRefuses("ip_vs");
        await haltBetweenReads(namespace, care.pid);
        await namespace.exec("ipvsadm", "-C");
        await unloadIpvs();
        process.kill(care.pid, "SIGCONT");
        await care.waitForLog(/^WARN .*this kernel has no IPVS/);
        const checked = care.logged(/^DEBUG probe of 127.0.0.1:8081 passed/).length;
        await care.waitForLog(/^DEBUG probe of 127.0.0.1:8081 passed/, { times: checked + 12 });
        expect(await care.status()).toContain("healthy");
        // Whatever the checks say, nobody may take that for being in order.
        expect((await runLvscare(namespace, ["status", "--exit-code"])).exitCode).toBe(2);
        const ready = ["curl", "--silent", "--write-out", " %{http_code}", `http://${WEB}/readyz`];
        expect(await namespace.exec(...ready)).toEndWith(" 503");
      }
      await waitForTable(namespace, tableWith());
      await care.waitForLog(/^INFO writing to the data plane works again/);
      expect(care.logged(/this kernel has no IPVS/)).toHaveLength(1);
      expect(care.logged(/ → /)).toHaveLength(SERVERS.length);
      expect(await care.stop()).toBe(0);
    },
  );
});

// --- internal ---

function recreation(): string[] {
  return [`create virtual server tcp ${VS} rr`, ...SERVERS.map((server) => `add real server ${server} weight 1`)];
}

function isRepair(line: string): boolean {
  return line.startsWith(REPAIRED);
}
