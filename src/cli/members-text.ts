import { oneLine } from "../config/one-line.ts";
import type { DiscoveryStatus, MemberReport, MembersReport } from "../domain/members.ts";
import { describeNamed, listFirst } from "../domain/name.ts";
import { describeVirtualServer } from "../domain/virtual-server-name.ts";
import type { Colour, Paint } from "./colour.ts";
import { age } from "./status-text.ts";
import { alignTable, type Cell, type Column } from "./text-table.ts";

/** `3 from file /etc/members, told 4s ago`, with what keeps the list from counting as it is. */
export function describeDiscovery(discovery: DiscoveryStatus, now: Date): string {
  const { source, way, members, isRemembered, toldAt, failing, kept = [], ignored = [], recalledSince } = discovery;
  const { drained = [], rights: { deaf, mute } = {} } = discovery;
  const known = members === undefined ? "none yet" : String(members);
  const when = toldAt === undefined ? "" : `, told ${age(toldAt, now)} ago`;
  return [
    `${known} from ${source}${isRemembered ? ", remembered" : when}${way === undefined ? "" : `, ${way}`}`,
    ...(failing === undefined ? [] : [`NOT READ for ${age(failing.since, now)}: ${failing.reason}`]),
    ...kept.map(({ guard, since, servers }) =>
      guard === "empty"
        ? `for ${age(since, now)} it lists nobody, which is not believed`
        : `kept for ${age(since, now)}, as too many vanished at once: ${listFirst(servers)}`,
    ),
    ...(ignored.length === 0 ? [] : [`ignored: ${listFirst(ignored.map(({ server }) => server))}`]),
    ...(recalledSince === undefined
      ? []
      : [`nobody of them serves, so others are checked since ${age(recalledSince, now)}`]),
    ...(drained.length === 0 ? [] : [`drained by the cluster: ${listFirst(drained.map(describeDrained))}`]),
    ...(deaf === undefined ? [] : [`drains of the cluster are not heard: ${deaf}`]),
    ...(mute === undefined ? [] : [`the cluster is not told of this node: ${mute}`]),
  ].join("; ");
}

/** A block for each virtual server. */
export function renderMembers(all: readonly MembersReport[], now: Date, paint: Paint): string {
  const blocks = all.map((report) => {
    const title = paint("bold", oneLine(describeVirtualServer(report)));
    const { discovery, members } = report;
    const policy = discovery && `${describeDiscovery(discovery, now)}; policy ${discovery.policy}`;
    const table = alignTable(
      COLUMNS,
      members.map((member) => cellsOf(member, now)),
      paint,
    );
    const lines = [
      ...(policy === undefined ? [] : [oneLine(policy)]),
      ...(members.length === 0 ? ["no members"] : table.lines),
    ];
    return [title, ...lines.map((line) => `  ${line}`.trimEnd())].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

// --- internal ---

function describeDrained({ address, by }: { readonly address: string; readonly by?: string }): string {
  return by === undefined ? address : `${address} (${by})`;
}

const COLUMNS: readonly Column[] = [
  { title: "MEMBER", align: "left" },
  { title: "STATE", align: "left" },
  { title: "SINCE", align: "left" },
  { title: "SOURCE", align: "left" },
  { title: "WHY", align: "left" },
];

const STATE_COLOURS: ReadonlyMap<string, Colour> = new Map([
  ["listed", "green"],
  ["kept", "yellow"],
  ["recalled", "yellow"],
  ["ignored", "red"],
]);

function cellsOf(member: MemberReport, now: Date): Cell[] {
  const colour = STATE_COLOURS.get(member.state);
  return [
    { text: oneLine(describeNamed(member)) },
    { text: member.state, ...(colour !== undefined && { colour }) },
    { text: member.since === undefined ? "" : age(member.since, now) },
    { text: oneLine(member.source) },
    { text: oneLine(member.reason ?? "") },
  ];
}
