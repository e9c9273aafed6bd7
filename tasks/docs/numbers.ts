import { join } from "node:path";
import type { Result } from "../../bench/support/results.ts";
import { checkout } from "../test/checkout.ts";

/** Of what is kept of the benches: what people ask for first, whoever does better. */
const SHOWN: readonly (readonly [file: string, peer: string, lab: string, measures: readonly string[]])[] = [
  [
    "failover.uml",
    "keepalived",
    "user-mode Linux",
    [
      "a killed server: out of rotation after",
      "a dead link: out of rotation after",
      "a hung server: out of rotation after",
      "a server that answers 500: out of rotation after",
    ],
  ],
  [
    "idle.qemu",
    "keepalived",
    "QEMU",
    [
      "3 servers: processor time for 60 s",
      "3 servers: resident memory",
      "1000 servers: processor time for 60 s",
      "1000 servers: resident memory",
    ],
  ],
  [
    "config.uml",
    "keepalived",
    "user-mode Linux",
    [
      "1000 × 10: from the command to all virtual servers in the kernel",
      "1000 × 10: a reload that changes three",
      "1000 × 10: private memory",
    ],
  ],
  [
    "proxy.here",
    "HAProxy",
    "a machine",
    ["throughput of 4 connections", "new connections, 16 at a time", "private memory"],
  ],
];

export async function numbers(): Promise<string> {
  const rows = await Promise.all(
    SHOWN.map(async ([file, peer, lab, shown]) => {
      const { measures } = (await Bun.file(join(checkout, `bench/results/${file}.json`)).json()) as Result;
      return shown.map((what) => {
        const measure = measures.find((one) => one.what === what);
        if (measure?.ours === undefined || measure.peer === undefined)
          throw new Error(`bench/results/${file}.json has no "${what}" with a peer`);
        const cell = (value: number): string => `${rounded(value)} ${measure.unit}`;
        return `| ${peer === "HAProxy" ? "the proxy inside: " : ""}${what} | ${cell(measure.ours)} | ${peer}: ${cell(measure.peer)} | ${lab} |`;
      });
    }),
  );
  return ["| measure | LVScare | peer | where |", "|---|---|---|---|", ...rows.flat()].join("\n");
}

// --- internal ---

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
