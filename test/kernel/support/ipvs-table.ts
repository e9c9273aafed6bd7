import type { Namespace } from "./namespace.ts";
import { waitForEqual, type Patience } from "./wait-for.ts";

/** `{ "TCP 10.0.0.1:80 rr": { "127.0.0.1:8081": 1 } }`: weights by real server by virtual server. */
export type IpvsTable = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What `ipvsadm -Ln` shows in the namespace. */
export async function tableOf(namespace: Namespace): Promise<IpvsTable> {
  return parseIpvsTable(await namespace.exec("ipvsadm", "-Ln"));
}

export function waitForTable(namespace: Namespace, expected: IpvsTable, patience?: Patience): Promise<void> {
  return waitForEqual(() => tableOf(namespace), expected, patience);
}

/** A heading of three lines, then each virtual server followed by its real servers: `-> address method weight active inactive`. */
export function parseIpvsTable(text: string): IpvsTable {
  const table: Record<string, Record<string, number>> = {};
  let realServers: Record<string, number> | undefined;
  for (const line of text.trimEnd().split("\n").slice(3)) {
    const words = line.trim().split(/\s+/);
    const [first = "", address = "", , weight] = words;
    if (first === "->" && realServers !== undefined) realServers[address] = Number(weight);
    else table[words.join(" ")] = realServers = {};
  }
  return table;
}
