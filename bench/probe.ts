import { acknowledgementOf, dialTcpSocket, resetIfConnected, watchSilence } from "#native";
import { readArgv } from "../src/config/read-argv.ts";
import { resolveCareOptions } from "../src/config/resolve-care-options.ts";
import { CARE_OPTION_ROWS } from "../src/config/care-option-rows.ts";
import { parseEndpoint } from "../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../src/domain/health.ts";
import { createProber } from "../src/probe/probers.ts";
import { Farm } from "./support/farm.ts";
import { report, type Measure } from "./support/measures.ts";
import { besideKeepalived } from "./support/probe-beside.ts";
import { SETTINGS } from "./support/settings.ts";

// What one probe costs, by kind, as fast as one core can: the servers are another process. Then what checks
// of a thousand servers cost a node, beside keepalived.

const TARGETS = 50;
const SECONDS = SETTINGS.isQuick ? 1 : 5;
const KINDS = [
  { what: "HTTP over kept connections", flags: "--health-schem http" },
  { what: "HTTP, a new connection each", flags: "--health-schem http --health-fresh-connection --sentinel=false" },
  { what: "HTTPS over kept connections", flags: "--health-schem https" },
  { what: "HTTPS, a new connection each", flags: "--health-schem https --health-fresh-connection --sentinel=false" },
  { what: "kube-apiserver, over kept connections", flags: "--health-schem kube-apiserver" },
  { what: "TCP", flags: "--health-schem tcp" },
  { what: "TLS", flags: "--health-schem tls" },
] as const;

const measures: Measure[] = [];
for (const { what, flags } of KINDS) {
  const farm = await Farm.start({ tls: /https|tls|kube/.test(flags) });
  const argv = `--vs 10.0.0.1:80 --rs 127.0.0.1:80 ${flags}`.split(" ");
  const { probe } = resolveCareOptions(readArgv(argv, CARE_OPTION_ROWS), {});
  const prober = createProber(probe, {
    openTcpSocket: dialTcpSocket,
    resetIfConnected,
    watchSilence,
    acknowledgementOf,
  });
  const probes = Array.from({ length: TARGETS }, (_, index) =>
    prober.open(parseEndpoint(`127.2.0.${index + 1}:9090`), () => undefined),
  );
  await drive(probes, 2);
  const before = process.cpuUsage();
  const count = await drive(probes, SECONDS);
  const { user, system } = process.cpuUsage(before);
  measures.push(
    { what, unit: "µs of processor time", ours: (user + system) / count },
    { what: `${what}, highest rate`, unit: "1/s", ours: count / SECONDS },
  );
  for (const probe of probes) probe.close();
  await farm.kill();
}
report([...measures, ...(await besideKeepalived())]);
process.exit(0);

// --- internal ---

async function drive(
  probes: readonly ReturnType<ReturnType<typeof createProber>["open"]>[],
  seconds: number,
): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  let count = 0;
  await Promise.all(
    probes.map(async (probe) => {
      while (performance.now() < endMs) {
        const { passed, reason } = await new Promise<ProbeOutcome>((told) => probe.check(told));
        if (passed !== true) throw new Error(reason);
        count++;
      }
    }),
  );
  return count;
}
