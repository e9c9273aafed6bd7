import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CareLog } from "./support/care-log.ts";
import { Farm, farmAddresses, realServerFlags } from "./support/farm.ts";
import { report } from "./support/measures.ts";
import { contextSwitches, memory, processorMs } from "./support/process-cost.ts";
import { SETTINGS } from "./support/settings.ts";

// Ten thousand servers, each checked every five seconds, and all of them dead at once: on this machine, with the userspace data plane,
// since emulated processors have no time for so many.

const SIZE = SETTINGS.isQuick ? 1000 : 10_000;
const INTERVAL_S = 5;
const MEASURE_S = SETTINGS.isQuick ? 15 : 40;
const folder = await mkdtemp(join(tmpdir(), "lvscare-scale-"));
const log = new CareLog(join(folder, "log"));

const farm = await Farm.start();
const flags = `--vs 127.78.0.5:18094 --data-plane userspace --mode none --health-schem http --health-path / --interval ${INTERVAL_S} --log-format json`;
const startAt = Date.now();
const care = Bun.spawn(
  [`${import.meta.dir}/../dist/lvscare`, "care", ...flags.split(" "), ...realServerFlags(farmAddresses(SIZE))],
  { env: { ...process.env, XDG_RUNTIME_DIR: folder }, stdin: "ignore", stdout: "ignore", stderr: Bun.file(log.path) },
);
process.on("exit", () => care.kill());
const entered = await log.waitFor(/recovering → healthy/, startAt, SIZE);
await Bun.sleep(2 * INTERVAL_S * 1000);
const [beforeMs, beforeSwitches, startedMs] = [processorMs(care.pid), contextSwitches(care.pid), performance.now()];
farm.say("reset");
await Bun.sleep(MEASURE_S * 1000);
const asked = await farm.report();
const seconds = (performance.now() - startedMs) / 1000;
const usedMs = processorMs(care.pid) - beforeMs;
const switches = (contextSwitches(care.pid) - beforeSwitches) / seconds;
const held = memory(care.pid);

const downAt = Date.now();
farm.say("down");
const out = await log.waitFor(/healthy → draining/, downAt, SIZE);
await log.waitFor(/draining → removed/, downAt, SIZE);
const upAt = Date.now();
farm.say("up");
const back = await log.waitFor(/removed → healthy/, upAt, SIZE);
care.kill();
await care.exited;
await farm.kill();
await rm(folder, { recursive: true });

const lateMs = Math.max(0, (asked.gapsMs.at(-1) ?? 0) - INTERVAL_S * 1000);
const fewest = Math.floor(MEASURE_S / INTERVAL_S) - 1;
const what = (text: string): string => `${SIZE} servers: ${text}`;
report([
  { what: what("all in service after the start"), unit: "ms", ours: entered.lastMs - startAt },
  {
    what: what("checks of those that the interval asks for"),
    unit: "%",
    ours: (100 * asked.requests * INTERVAL_S) / (SIZE * seconds),
    goal: "interval kept",
    isMet: asked.requests * INTERVAL_S >= SIZE * seconds,
  },
  {
    what: what("a check comes later than the interval says, 99th percentile"),
    unit: "ms",
    ours: lateMs,
    goal: "250 ms",
    isMet: lateMs <= 250,
  },
  {
    what: what("checks of the server that was asked least"),
    unit: "",
    ours: asked.fewest,
    goal: `${fewest}, no lost verdict`,
    isMet: asked.fewest >= fewest,
  },
  { what: what("processor time for 60 s"), unit: "s", ours: (usedMs / seconds) * 0.06 },
  { what: what("processor time per check"), unit: "µs", ours: (usedMs * 1000) / asked.requests },
  { what: what("context switches"), unit: "1/s", ours: switches },
  { what: what("resident memory"), unit: "MB", ours: held.residentMb },
  { what: what("private memory"), unit: "MB", ours: held.privateMb },
  { what: what("all die at once: last verdict after"), unit: "ms", ours: out.lastMs - downAt },
  { what: what("all return at once: all in service after"), unit: "ms", ours: back.lastMs - upAt },
]);
process.exit(0);
