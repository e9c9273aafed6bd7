import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { EventRecord } from "../../src/domain/event-record.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { startHost, type Host } from "./support/host.ts";
import { linesOf } from "./support/line-process.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import { waitFor } from "./support/wait-for.ts";
import { WeightHistory } from "./support/weight-history.ts";

requireTestKernel();
setDefaultTimeout(300_000);

const [A, B, C] = SERVERS;
const FAST = [...careFlags(), "--interval", "100ms"];

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
beforeEach(() => host.namespace.exec("ipvsadm", "-C"));
// Those that are open already refuse.
afterEach(() => Promise.allSettled(SERVERS.map((server) => host.echo.open(server))));
afterAll(() => host[Symbol.asyncDispose]());

test("killed fifty times at any moment under load, it costs no client a request and lets nobody dead back in", async () => {
  const { namespace, echo } = host;
  await using first = startCare(namespace, FAST);
  await waitForTable(namespace, tableWith());
  using history = new WeightHistory(namespace);
  await using client = await Client.start(namespace, VS);
  await client.begin();
  await first.stop("SIGKILL");
  const moments = [await killAgainAndAgain(25)];
  {
    // Slow enough for weight 0 to be seen also where this machine stands still for a moment.
    await using care = startCare(namespace, careFlags());
    await care.waitForLog(/took over the table/);
    expect(Object.keys(await client.finish()).toSorted()).toEqual([...SERVERS]);
    expect(SERVERS.map((server) => history.of(server))).toEqual([[1], [1], [1]]);
    await echo.close(B);
    await waitForTable(namespace, tableWith([A, C]));
    await client.begin();
    await care.stop("SIGKILL");
  }
  moments.push(await killAgainAndAgain(25));
  await using last = startCare(namespace, FAST);
  await last.waitForLog(/took over the table: 2 healthy, 1 removed/);
  console.log("lines that were logged before each kill", moments.map(String));
  expect(Object.keys(await client.finish()).toSorted()).toEqual([A, C]);
  expect(SERVERS.map((server) => history.of(server))).toEqual([[1], [1, 0, "absent"], [1]]);

  /** Before the process has said anything, while it takes over, in the midst of its checks: other moments with each run. */
  async function killAgainAndAgain(times: number): Promise<readonly number[]> {
    const moments = Array.from({ length: times }, () => randomInt(8));
    for (const moment of moments) {
      await using care = startCare(namespace, FAST);
      if (moment > 0) await care.waitForLog(/^/, { times: moment });
      await care.stop("SIGKILL");
    }
    return moments;
  }
}, 600_000);

test("two that start at once settle it between them: one cares, the other says who does", async () => {
  const { namespace } = host;
  await using one = startCare(namespace, FAST);
  await using other = startCare(namespace, FAST);
  const loser = await Promise.race([one, other].map(async (care) => ((await care.exited) === 1 ? care : undefined)));
  const winner = loser === one ? other : one;
  expect(loser?.log()).toEqual([expect.stringContaining(`${winner.pid}`)]);
  await waitForTable(namespace, tableWith());
  expect(await winner.stop()).toBe(0);
});

test("somebody who deletes the virtual server in a loop is not answered by a loop, and loses in the end", async () => {
  const { namespace } = host;
  await using care = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  const before = care.log().length;
  const startedMs = performance.now();
  await namespace.exec("sh", "-c", `for i in $(seq 100); do ipvsadm -D -t ${VS}; done 2>/dev/null; true`);
  await waitForTable(namespace, tableWith());
  const repairs = care
    .log()
    .slice(before)
    .filter((line) => /repaired .* create virtual server/.test(line));
  // Of all the time in which these were.
  const seconds = (performance.now() - startedMs) / 1000;
  // One look an interval, and one more for each that came between a look and its write.
  expect(repairs.length).toBeLessThanOrEqual(Math.ceil(seconds) + 2);
  expect(care.logged(/somebody keeps undoing/).length).toBeLessThanOrEqual(Math.ceil(seconds / 3) + 1);
});

test("a hundred flaps leave nothing behind", async () => {
  const { namespace, echo } = host;
  await using care = startCare(namespace, FAST);
  await waitForTable(namespace, tableWith());
  await flap(care, 20);
  const before = footprint(care);
  await flap(care, 100);
  await waitForTable(namespace, tableWith());
  // Checks that are under way have connections of their own.
  const after = await waitFor(
    () => footprint(care),
    ({ descriptors }) => descriptors <= before.descriptors + 2,
  );
  console.log("descriptors and resident kilobytes before and after 100 flaps", before, after);
  expect(before.netlinkSockets).toBeGreaterThan(0);
  expect(after.netlinkSockets).toBe(before.netlinkSockets);
  expect(after.residentKb).toBeLessThan(before.residentKb + 16 * 1024);

  async function flap(daemon: CareProcess, times: number): Promise<void> {
    for (let count = 0; count < times; count++) {
      await Promise.all([daemon.nextLog(/8082 \S+ → draining/), echo.close(B)]);
      await Promise.all([daemon.nextLog(/8082 \S+ → healthy/), echo.open(B)]);
    }
  }
});

test("a clock that jumps means nothing to it", async () => {
  const { namespace } = host;
  await using care = startCare(namespace, FAST);
  // What the start tells comes after what it does: a few checks later all of it has been told.
  await care.waitForLog(/^DEBUG probe of 127.0.0.1:8081 passed/, { times: 5 });
  await waitForTable(namespace, tableWith());
  const before = care.log().length;
  const followed: string[] = [];
  const follow = namespace.spawn([lvscareBinary(), "events", "--follow", "-o", "json"]);
  const following = (async () => {
    for await (const line of linesOf(follow.stdout)) {
      const { message } = JSON.parse(line) as EventRecord;
      // A busy machine may do that for as long again.
      if (!message.includes("this process was held up for")) followed.push(message);
    }
  })();
  await waitFor(
    () => followed,
    (messages) => messages.length > 0,
  );
  try {
    for (const jump of ["+1 day", "-2 days", "+1 day"]) {
      await namespace.exec("date", "-s", jump);
      const passed = care.logged(/^DEBUG probe of 127.0.0.1:8081 passed/).length;
      await care.waitForLog(/^DEBUG probe of 127.0.0.1:8081 passed/, { times: passed + 5 });
    }
  } finally {
    await namespace.run(["hwclock", "--hctosys"]);
  }
  expect(
    care
      .log()
      .slice(before)
      .filter((line) => !line.startsWith("DEBUG")),
  ).toEqual([]);
  expect(await care.status()).toContain("healthy");
  // Nor is it another daemon for those who follow its events: none comes twice.
  expect((await runLvscare(namespace, ["drain", "127.0.0.1:8081"])).exitCode).toBe(0);
  await waitFor(
    () => followed,
    (messages) => messages.some((message) => message.includes("request: drained")),
  );
  expect((await runLvscare(namespace, ["undrain", "127.0.0.1:8081"])).exitCode).toBe(0);
  follow.kill();
  await following;
  expect(followed).toEqual([...new Set(followed)]);
});

describe("where this host runs out of something", () => {
  test("a full disk under the control socket costs only `lvscare status`", async () => {
    const { namespace } = host;
    await namespace.exec(
      "sh",
      "-c",
      "mount -t tmpfs -o mode=700,size=4k,nr_inodes=2 none /run/lvscare && : > /run/lvscare/full",
    );
    try {
      await using care = startCare(namespace, FAST);
      await waitForTable(namespace, tableWith());
      await care.waitForLog(/^WARN/);
      expect(care.logged(/^WARN/)).toEqual([expect.stringMatching(/`lvscare status` will not find this daemon/)]);
      expect(await care.stop()).toBe(0);
    } finally {
      await namespace.exec("umount", "/run/lvscare");
    }
  });

  test("small socket buffers make large tables slower, not wrong", async () => {
    const { namespace } = host;
    const many = Array.from(
      { length: 300 },
      (_, index) => `127.0.3.${(index % 250) + 1}:${8000 + Math.floor(index / 250)}`,
    );
    const sizes = ["rmem_default", "rmem_max", "wmem_default", "wmem_max"].map((name) => `/proc/sys/net/core/${name}`);
    const before = sizes.map((path) => readFileSync(path, "utf8"));
    // Without the right to force larger ones, as in a container of a user namespace, this is what a socket gets.
    await Promise.all(sizes.map((path) => Bun.write(path, "4608")));
    try {
      await using care = startCare(namespace, [...careFlags(many), "--init-state", "up", "--fall", "1000"]);
      await waitFor(
        async () => Object.keys(tableOf(namespace)[`TCP ${VS} rr`] ?? {}).length,
        (count) => count === 300,
      );
      await namespace.exec("ipvsadm", "-e", "-t", VS, "-r", many[7] ?? "", "-m", "-w", "9");
      await care.waitForLog(/repaired what someone else changed: set real server \S+ weight 9 → 1/);
      expect(await care.stop()).toBe(0);
    } finally {
      await Promise.all(sizes.map((path, index) => Bun.write(path, before[index] ?? "212992")));
    }
  });

  test("a full table of connections fails checks, and when there is room again all come back", async () => {
    const { namespace } = host;
    // Only where a rule asks for their state are connections tracked.
    const rule = "OUTPUT -m conntrack --ctstate NEW -j ACCEPT".split(" ");
    await namespace.exec("iptables-legacy", "-w", "60", "-A", ...rule);
    const limit = "/proc/sys/net/netfilter/nf_conntrack_max";
    const before = readFileSync(limit, "utf8");
    try {
      await using care = startCare(namespace, [
        ...FAST,
        "--health-connect-timeout",
        "100ms",
        "--health-fresh-connection",
      ]);
      await waitForTable(namespace, tableWith());
      await Bun.write(limit, "1");
      await waitForTable(namespace, { [`TCP ${VS} rr`]: {} });
      await care.waitForLog(/^WARN/);
      expect(care.logged(/^(WARN|ERROR)/)).toEqual([
        `WARN nobody is in service behind tcp ${VS}: clients are not served`,
      ]);
      await Bun.write(limit, before);
      await waitForTable(namespace, tableWith());
      expect(await care.stop()).toBe(0);
    } finally {
      await Bun.write(limit, before);
      await namespace.exec("iptables-legacy", "-w", "60", "-D", ...rule);
    }
  });

  test("no more descriptors: it says so once, keeps everybody, and goes on when there are some", async () => {
    const { namespace } = host;
    await using care = startCare(namespace, [...FAST, "--health-fresh-connection"]);
    await waitForTable(namespace, tableWith());
    const open = readdirSync(`/proc/${care.pid}/fd`).length;
    // Those of checks under way may be among them.
    await namespace.exec("prlimit", `--pid=${care.pid}`, `--nofile=${open - 5}:65536`);
    await care.waitForLog(/^WARN .* cannot be checked, and stay as they are: too many open files/);
    await namespace.exec("prlimit", `--pid=${care.pid}`, "--nofile=4096:65536");
    const passed = care.logged(/^DEBUG probe of 127.0.0.1:8083 passed/).length;
    await care.waitForLog(/^DEBUG probe of 127.0.0.1:8083 passed/, { times: passed + 3 });
    expect(tableOf(namespace)).toEqual(tableWith());
    expect(care.logged(/→ draining/)).toEqual([]);
  });
});

test("its life ends in order in the middle of a mass failure", async () => {
  const { namespace, echo } = host;
  await using care = startCare(namespace, FAST);
  await waitForTable(namespace, tableWith());
  await echo.close(A, B, C);
  await care.waitForLog(/→ draining/);
  expect(await care.stop()).toBe(0);
  expect(care.logged(/^(WARN|ERROR)(?! nobody is in service)/)).toEqual([]);
});

// --- internal ---

function footprint({ pid }: CareProcess): {
  readonly descriptors: number;
  readonly netlinkSockets: number;
  readonly residentKb: number;
} {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const descriptors = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
  // The last column of the kernel's list is the inode by which a descriptor names its socket.
  const netlink = readFileSync(`/proc/${pid}/net/netlink`, "utf8").matchAll(/(\d+)\s*$/gm);
  const inodes = new Set(Array.from(netlink, ([, inode]) => `socket:[${inode}]`));
  return {
    descriptors: descriptors.length,
    netlinkSockets: descriptors.filter((descriptor) => inodes.has(descriptor)).length,
    residentKb: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]),
  };
}

/** What a descriptor is of; nothing for one that was closed since it was listed. */
function targetOf(descriptor: string): string[] {
  try {
    return [readlinkSync(descriptor)];
  } catch {
    return [];
  }
}
