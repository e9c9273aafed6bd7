import { oneLine } from "../config/one-line.ts";
import { isSilent, progressOf, type ClusterNode, type ClusterStatus } from "../domain/cluster-status.ts";
import { listFirst } from "../domain/name.ts";
import type { NodeReport } from "../domain/node-report.ts";
import type { Paint } from "./colour.ts";
import { connections } from "./hold-text.ts";
import { age } from "./status-text.ts";
import { alignTable, type Cell, type Column } from "./text-table.ts";

/** `192.168.0.2: drained by alice 3m ago; 6 of 7 nodes have drained it; 4 open connections on n3; not heard: n5` */
export function describeDrains({ drained, nodes }: ClusterStatus, now: Date): readonly string[] {
  return drained.map((drain) => {
    const who = drain.by === undefined ? "" : ` by ${drain.by}`;
    return oneLine(`${drain.address}: drained${who} ${age(drain.since, now)} ago; ${describeProgress(nodes, drain)}`);
  });
}

/** `6 of 7 nodes have drained it; 4 open connections on n3; not heard of it: n5` */
export function describeProgress(
  nodes: readonly ClusterNode[],
  { address, since }: { readonly address: string; readonly since: string },
): string {
  const { draining, reporting, unheard, open } = progressOf(nodes, address, since);
  if (reporting === 0) return "no node reports";
  const count = open.reduce((sum, one) => sum + one.connections, 0);
  return [
    `${draining} of ${reporting === 1 ? "1 node has" : `${reporting} nodes have`} drained it`,
    count === 0 ? "no connection is open" : `${connections(count)} on ${listFirst(open.map(({ node }) => node))}`,
    ...(unheard.length === 0 ? [] : [`nothing of it from ${listFirst(unheard)}`]),
  ].join("; ");
}

/** What is drained, and a row for each node and virtual server. */
export function renderCluster(status: ClusterStatus, now: Date, paint: Paint): string {
  const { service, nodes } = status;
  const drains = describeDrains(status, now);
  const rows = nodes.flatMap(({ node, reports }) =>
    reports.length === 0
      ? [[{ text: oneLine(node) }, { text: "never", colour: "yellow" } as const]]
      : reports.map((report) => cellsOf(node, report, now)),
  );
  return [
    paint("bold", oneLine(`service ${service}`)),
    ...(drains.length === 0 ? ["nobody is drained by the cluster"] : drains).map((line) => `  ${line}`),
    "",
    ...(rows.length === 0 ? ["no node reports"] : alignTable(COLUMNS, rows, paint).lines.map((line) => line.trimEnd())),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

// --- internal ---

const COLUMNS: readonly Column[] = [
  { title: "NODE", align: "left" },
  { title: "REPORTED", align: "left" },
  { title: "VERSION", align: "left" },
  { title: "VIRTUAL SERVER", align: "left" },
  { title: "HOW", align: "left" },
  { title: "IN SERVICE", align: "right" },
  { title: "DRAINED", align: "left" },
];

function cellsOf(node: string, report: NodeReport, now: Date): Cell[] {
  const { at, version, virtualServer, way, inService, of, drained } = report;
  const hasFallenSilent = isSilent(report, now.getTime());
  return [
    { text: oneLine(node) },
    { text: `${age(at, now)} ago`, ...(hasFallenSilent && { colour: "red" as const }) },
    { text: oneLine(version) },
    { text: oneLine(virtualServer.replace(/^tcp /, "")) },
    { text: oneLine(way) },
    { text: `${inService}/${of}`, ...(inService === 0 && { colour: "red" as const }) },
    {
      text: oneLine(
        Object.entries(drained)
          .map(([address, { open }]) => (open === 0 ? address : `${address} (${open} open)`))
          .join(", "),
      ),
    },
  ];
}
