import { writeFileSync } from "node:fs";
import { keepalivedCommand, keepalivedConfiguration } from "./support/keepalived.ts";
import { report, type Measure } from "./support/measures.ts";
import { contextSwitches, memory, processorMs } from "./support/process-cost.ts";

// What it costs to check healthy servers once a second: in the VM, ours and keepalived one after the other.

const VS = "10.0.0.1:80";
const SETTLE_S = 20;
const MEASURE_S = 20;
const sizes = process.argv.slice(2).map(Number);

for (const command of [
  "ip link set lo up",
  "modprobe ip_vs",
  "modprobe ip_vs_rr",
  "sysctl -qw net.core.somaxconn=4096",
])
  Bun.spawnSync(command.split(" "));
const farm = Bun.spawn([process.execPath, `${import.meta.dir}/support/farm-process.ts`], {
  stdin: "ignore",
  stdout: "inherit",
});
await Bun.sleep(2000);

const measures: Measure[] = [];
for (const size of sizes.length > 0 ? sizes : [3, 100, 1000]) {
  const servers = Array.from(
    { length: size },
    (_, index) => `127.1.${index >> 8}.${(index & 255) + 1 > 255 ? 255 : (index & 255) + 1}:9090`,
  );
  const unique = [...new Set(servers)];
  writeFileSync("/tmp/keepalived.conf", keepalivedConfiguration(VS, unique));
  const peer = await cost(keepalivedCommand("/tmp/keepalived.conf"), unique.length);
  const flags = `--vs ${VS} --health-schem http --health-path / --interval 1 --mode none --sysctls keep`;
  const ours = await cost(
    [`${import.meta.dir}/../dist/lvscare`, "care", ...flags.split(" "), "--rs", unique.join(",")],
    unique.length,
  );
  const line = (
    what: string,
    unit: string,
    pick: (one: Cost) => number,
    goal?: (mine: number, theirs: number) => boolean,
    words?: string,
  ): Measure => ({
    what: `${what}, ${size} servers`,
    unit,
    ours: pick(ours),
    peer: pick(peer),
    ...(goal && { goal: words ?? "", isMet: goal(pick(ours), pick(peer)) }),
  });
  measures.push(
    line(
      "processor time for 60 s",
      "s",
      ({ secondsPerMinute }) => secondsPerMinute,
      (a, b) => a <= b / 2,
      "half of the peer's",
    ),
    line("processor time per check", "µs", ({ perCheckUs }) => perCheckUs),
    line("context switches a second", "1/s", ({ switches }) => switches),
    line("resident memory", "MB", ({ residentMb }) => residentMb),
    line(
      "private memory",
      "MB",
      ({ privateMb }) => privateMb,
      (a) => a <= (size > 100 ? 30 : 12),
      size > 100 ? "30 MB" : "12 MB",
    ),
  );
  console.log(size, "peer", peer, "ours", ours);
}
farm.kill();
report(measures);

// --- internal ---

interface Cost {
  readonly secondsPerMinute: number;
  readonly perCheckUs: number;
  readonly switches: number;
  readonly residentMb: number;
  readonly privateMb: number;
}

async function cost(command: readonly string[], checks: number): Promise<Cost> {
  Bun.spawnSync(["ipvsadm", "-C"]);
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: Bun.file("/tmp/bench-idle.log") });
  await Bun.sleep(SETTLE_S * 1000);
  const [beforeMs, beforeSwitches, startedMs] = [processorMs(child.pid), contextSwitches(child.pid), performance.now()];
  await Bun.sleep(MEASURE_S * 1000);
  const seconds = (performance.now() - startedMs) / 1000;
  const usedMs = processorMs(child.pid) - beforeMs;
  const switches = (contextSwitches(child.pid) - beforeSwitches) / seconds;
  const held = memory(child.pid);
  child.kill();
  await child.exited;
  return {
    secondsPerMinute: (usedMs / seconds) * 0.06,
    perCheckUs: (usedMs * 1000) / seconds / checks,
    switches,
    ...held,
  };
}
