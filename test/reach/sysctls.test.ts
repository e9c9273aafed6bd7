import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { HostObject } from "../../src/reach/host-object.ts";
import { SYSCTL_FOLDERS, sysctls, type SysctlTableOptions } from "../../src/reach/sysctls.ts";

/** What /proc/sys of a host has before anybody cared. */
const HOST = {
  "net/ipv4/ip_forward": "0",
  "net/ipv4/conf/all/arp_ignore": "0",
  "net/ipv4/conf/all/arp_announce": "0",
  "net/ipv4/vs/conntrack": "0",
  "net/ipv4/vs/conn_reuse_mode": "1",
  "net/ipv4/vs/expire_nodest_conn": "0",
  "net/ipv4/vs/expire_quiescent_template": "0",
  "net/ipv4/vs/sloppy_tcp": "0",
  "net/ipv6/conf/all/forwarding": "0",
  "net/ipv6/conf/eth0/accept_ra": "1",
  "net/ipv6/conf/eth1/accept_ra": "1",
};

const EXPIRY = { "net/ipv4/vs/expire_nodest_conn": "1", "net/ipv4/vs/expire_quiescent_template": "1" };
const LINK = { ...EXPIRY, "net/ipv4/vs/conntrack": "1", "net/ipv4/ip_forward": "1" };

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sysctls-"));
  for (const [name, value] of Object.entries(HOST)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${value}\n`);
  }
  await writeFile(
    join(root, "routes"),
    [route("00", "00050003", "eth1"), route("00", "00000003", "eth0"), route("40", "00040001", "eth0")].join(""),
  );
});
afterEach(() => rm(root, { recursive: true }));

describe("the settings that change", () => {
  test.each<[string, Partial<SysctlTableOptions>, Readonly<Record<string, string>>]>([
    ["route mode", {}, { ...EXPIRY, "net/ipv4/vs/sloppy_tcp": "1" }],
    ["no mode", { mode: "none" }, { ...EXPIRY, "net/ipv4/vs/sloppy_tcp": "1" }],
    ["link mode", { mode: "link" }, LINK],
    [
      "link mode with --strict-arp",
      { mode: "link", strictArp: true },
      { ...LINK, "net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2" },
    ],
    ["--strict-arp in another mode", { strictArp: true }, { ...EXPIRY, "net/ipv4/vs/sloppy_tcp": "1" }],
    [
      "link mode for IPv6, which keeps the announced default route",
      { mode: "link", strictArp: true, family: "ipv6" },
      {
        ...EXPIRY,
        "net/ipv4/vs/conntrack": "1",
        "net/ipv6/conf/eth1/accept_ra": "2",
        "net/ipv6/conf/all/forwarding": "1",
      },
    ],
    [
      "link mode before kernel 5.9, where conntrack delays clients that use a port again",
      { mode: "link", kernelRelease: "5.8.18-generic" },
      { ...LINK, "net/ipv4/vs/conn_reuse_mode": "0" },
    ],
  ])("%s", async (_, options, changed) => {
    await establish(options);
    expect(await settings()).toEqual({ ...HOST, ...changed });
  });

  test("conn_reuse_mode is 1 again from kernel 5.9 on, whoever set it to 0", async () => {
    for (const [kernelRelease, value] of [
      ["5.8.0", "0"],
      ["4.19.0-27-amd64", "0"],
      ["5.9.0", "1"],
      ["5.10.0-1", "1"],
      ["6.1.0-56-amd64", "1"],
    ] as const) {
      await writeFile(join(root, "net/ipv4/vs/conn_reuse_mode"), "0\n");
      await establish({ kernelRelease });
      expect([kernelRelease, (await settings())["net/ipv4/vs/conn_reuse_mode"]]).toEqual([kernelRelease, value]);
    }
  });
});

test("changes of every setting are listened to", () => {
  const names = [...table({ mode: "link", strictArp: true }), ...table({}), ...table({ mode: "link", family: "ipv6" })]
    .map(({ name }) => join("/proc/sys", name.replace(/^sysctl (.*)=.*$/, "$1")))
    .filter((path) => !path.endsWith("/accept_ra"));
  expect(names.filter((path) => !SYSCTL_FOLDERS.includes(dirname(path)))).toEqual([]);
});

// --- internal ---

function table(options: Partial<SysctlTableOptions>): HostObject[] {
  return sysctls({
    mode: "route",
    strictArp: false,
    family: "ipv4",
    kernelRelease: "6.1.0-56-amd64",
    root,
    ipv6RoutesFile: join(root, "routes"),
    ...options,
  });
}

async function establish(options: Partial<SysctlTableOptions>): Promise<void> {
  for (const object of table(options)) await object.establish();
}

async function settings(): Promise<Readonly<Record<string, string>>> {
  const names = Object.keys(HOST);
  const texts = await Promise.all(names.map((name) => Bun.file(join(root, name)).text()));
  return Object.fromEntries(names.map((name, index) => [name, texts[index]?.trim() ?? ""]));
}

/** A line of /proc/net/ipv6_route. */
function route(prefix: string, flags: string, link: string): string {
  const none = "0".repeat(32);
  return `${none} ${prefix} ${none} 00 ${none} 00000400 00000001 00000000 ${flags} ${link.padStart(8)}\n`;
}
