import { existsSync, readFileSync } from "node:fs";
import { addressFromBytes, formatEndpoint, parseAddress } from "../../../src/domain/endpoint.ts";
import type { Namespace } from "./namespace.ts";
import { waitForEqual, type Patience } from "./wait-for.ts";

/** `{ "TCP 10.0.0.1:80 rr": { "127.0.0.1:8081": 1 } }`: weights by real server by virtual server; of flags and persistence it tells nothing. */
export type IpvsTable = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * What the kernel's own text shows in the namespace. Not by `ipvsadm`: a test that waits looks a hundred times a second, and starting a
 * program as often would take the processor from those that it waits for.
 */
export function tableOf(namespace: Namespace): IpvsTable {
  return parseIpvsTable(tableText(namespace));
}

/** The kernel's text of the table: empty without the module, when there is no table either. Not by `Bun.file`, which may find such a file empty. */
export function tableText(namespace: Namespace): string {
  const path = `/proc/${namespace.pid}/net/ip_vs`;
  return existsSync(path) ? readFileSync(path, "latin1") : "";
}

export function waitForTable(namespace: Namespace, expected: IpvsTable, patience?: Patience): Promise<void> {
  return waitForEqual(() => tableOf(namespace), expected, patience);
}

/**
 * A heading of three lines, then each virtual server followed by its real servers:
 * `  -> 7F000001:1F91      Masq    1      0          0` (net/netfilter/ipvs/ip_vs_ctl.c: ip_vs_info_seq_show).
 */
export function parseIpvsTable(text: string): IpvsTable {
  const table: Record<string, Record<string, number>> = {};
  let realServers: Record<string, number> | undefined;
  for (const line of text.trimEnd().split("\n").slice(3)) {
    const words = line.trim().split(/\s+/);
    const [first = "", address = "", scheduler = "", weight] = words;
    if (first === "->" && realServers !== undefined) realServers[plainEndpoint(address)] = Number(weight);
    else table[`${first} ${plainEndpoint(address)} ${scheduler}`] = realServers = {};
  }
  return table;
}

// --- internal ---

/** `0A600001:0050` or `[fd00:0096:0000:0000:0000:0000:0000:0001]:0050`; a firewall mark has no port. */
function plainEndpoint(text: string): string {
  const [, v6, v4 = "", port = ""] = /^(?:\[(.+)\]|([\dA-F]{8})):([\dA-F]{4})$/.exec(text) ?? [];
  const address = parseAddress(v6 ?? (v4 === "" ? "" : addressFromBytes(Uint8Array.fromHex(v4))));
  return address === undefined ? text : formatEndpoint({ ...address, port: Number.parseInt(port, 16) });
}
