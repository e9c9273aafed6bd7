import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ListedTable } from "../../../src/dataplane/ipvs/listing.ts";
import { procFile } from "../../../src/dataplane/ipvs/proc-file.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import type { ServiceKey } from "../../../src/domain/virtual-server.ts";

/** As Linux 6.1 prints it. */
const TABLE = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:1A0B rr  persistent 75000 FFFFFFFF
  -> 0A000002:1A0B      Masq    1      3          12        
  -> 0A000001:1A0B      Masq    0      0          0         
UDP  0A600001:1A0B rr  
  -> 0A000001:1A0B      Masq    1      0          0         
TCP  [fd00:0000:0000:0000:0000:0000:0000:0012]:0050 wrr 
  -> [fd00:0000:0000:0000:0000:0000:0000:0001]:1F90      Masq    10     0          0         
`;

const TOTALS = `   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
       2       1A       18             1F40             2C30

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       0        1        1               50               70
`;

const web = key("tcp", "10.96.0.1:6667");
const six = key("tcp", "[fd00::12]:80");

test("tells whether a virtual server's entries are as they were, whatever these carry", async () => {
  const { outline, list } = listed();
  const before = await outline(web);
  expect(before).toBeDefined();
  list.table = TABLE.replace("3          12 ", "2          13 ").replace("10     0          0", "9      0          0");
  expect(await outline(web)).toBe(before);
  for (const [from, to] of [
    ["Masq    1      3", "Masq    2      3"],
    ["0A000001:1A0B      Masq    0", "0A000001:1A0B      Route   0"],
    ["0A000002:1A0B", "0A000003:1A0B"],
    ["1A0B rr  persistent", "1A0B wrr  persistent"],
    ["75000", "90000"],
    ["TCP  0A600001:1A0B rr ", "TCP  0A600001:1A0B rr ops "],
    ["  -> 0A000001:1A0B      Masq    0      0          0         \nUDP", "UDP"],
  ] as const) {
    list.table = TABLE.replace(from, to);
    expect(list.table).not.toBe(TABLE);
    expect(await outline(web)).not.toBe(before);
  }
});

test("tells virtual servers apart by protocol, address of either family and port", async () => {
  const { outline, list } = listed();
  const names = [web, key("udp", "10.96.0.1:6667"), six];
  const marks = await Promise.all(names.map(outline));
  expect(new Set(marks).size).toBe(3);
  expect(marks).not.toContain(undefined);
  list.table = TABLE.replace("Masq    10", "Masq    11");
  expect((await Promise.all(names.map(outline))).map((mark, index) => mark === marks[index])).toEqual([
    true,
    true,
    false,
  ]);
  expect(await outline(key("tcp", "10.96.0.1:6668"))).toBeUndefined();
  list.table = undefined;
  expect(await outline(web)).toBeUndefined();
});

test("reads once for all that are asked for in one turn, and not where the table is full of others'", async () => {
  const { table, outline, list, reads } = listed();
  expect([table.outlineOf(web), table.outlineOf(six), table.outlineOf(web)]).not.toContain(undefined);
  expect(reads()).toBe(1);
  await Promise.resolve();
  list.table = TABLE + TABLE.slice(TABLE.indexOf("UDP")).repeat(200);
  expect(await outline(web)).toBeDefined();
  expect(await outline(web)).toBeUndefined();
  expect(reads()).toBe(2);
  list.table = TABLE;
  const later: unknown[] = [];
  for (let turn = 0; turn < 100; turn++) later.push(await outline(web));
  expect(later.at(-1)).toBeDefined();
});

test("connections and counted packets change what was carried, and rates do not", async () => {
  const { table, list } = listed();
  const carried = async (): Promise<string | undefined> => {
    await Promise.resolve();
    return table.carriedBy(web);
  };
  const before = await carried();
  expect(before).toContain("1F40");
  list.table = TABLE.replace("3          12 ", "3          13 ");
  expect(await carried()).not.toBe(before);
  list.table = TABLE.replace("Masq    10     0", "Masq    10     1");
  expect(await carried()).toBe(before);
  list.totals = TOTALS.replace("50               70", " 0                0");
  expect(await carried()).toBe(before);
  list.totals = TOTALS.replace("1A", "1B");
  expect(await carried()).not.toBe(before);
  list.totals = undefined;
  expect(await carried()).toBeUndefined();
  list.totals = TOTALS;
  list.table = undefined;
  expect(await carried()).toBeUndefined();
});

test("a file of the kernel is read again and again from its beginning, however long it is", () => {
  for (const path of ["/proc/crypto", "/proc/self/limits"]) {
    const read = procFile(path);
    const text = readFileSync(path, "latin1");
    expect([read(), read()]).toEqual([text, text]);
  }
  expect(readFileSync("/proc/crypto").length).toBeGreaterThan(4096);
  expect(procFile("/proc/self/no-such-file")()).toBeUndefined();
});

// --- internal ---

function key(protocol: "tcp" | "udp", endpoint: string): ServiceKey {
  return { protocol, endpoint: parseEndpoint(endpoint) };
}

function listed() {
  const list: { table: string | undefined; totals: string | undefined } = { table: TABLE, totals: TOTALS };
  let reads = 0;
  const table = new ListedTable({
    table: () => {
      reads++;
      return list.table;
    },
    totals: () => list.totals,
  });
  /** In a turn of its own. */
  const outline = async (of: ServiceKey): Promise<bigint | undefined> => {
    await Promise.resolve();
    return table.outlineOf(of);
  };
  return { table, list, outline, reads: () => reads };
}
