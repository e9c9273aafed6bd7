import { CareLog } from "./support/care-log.ts";
import { kernelName, tableReader, timeUntil } from "./support/ipvs-table.ts";
import { report } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";
import { setStage } from "./support/stage.ts";

// Ten minutes in which one packet of twenty is lost, each way: nobody may be taken out for it. In a lab.

const VS = "10.96.0.1:80";
const MINUTES = SETTINGS.isQuick ? 1 : 10;
const log = new CareLog("/tmp/bench-loss.log");
const hosts = await setStage(VS, 3);
const servers = hosts.map(({ address }) => address);
const read = tableReader();
const flags = `care --vs ${VS} --rs ${servers.join(",")} --health-schem http --health-path / --mode none --sysctls keep --interval 1`;
const care = Bun.spawn(
  [`${import.meta.dir}/../dist/lvscare`, ...flags.split(" "), "--log-format", "json", "--logger", "DEBG"],
  {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log.path),
  },
);
await timeUntil(read, (weights) => servers.every((server) => (weights.get(kernelName(server)) ?? 0) > 0));
for (const [index, host] of hosts.entries()) {
  const lossy = "root netem loss 5%".split(" ");
  await host.exec("tc", "qdisc", "add", "dev", "eth0", ...lossy);
  Bun.spawnSync(["tc", "qdisc", "add", "dev", `s${index + 1}`, ...lossy]);
}
const startAt = Date.now();
await Bun.sleep(MINUTES * 60_000);
const passed = log.lines(/"probe of .* passed/, startAt).length;
const removals = log.lines(/→ (draining|removed)/, startAt);
care.kill();
await care.exited;
for (const host of hosts) await host[Symbol.asyncDispose]();
for (const line of removals) console.log(line);
report([
  { what: `${MINUTES} minutes with 5 % of packets lost each way: checks that passed`, unit: "", ours: passed },
  { what: "false removals", unit: "", ours: removals.length, goal: "none", isMet: removals.length === 0 },
]);
process.exit(0);
