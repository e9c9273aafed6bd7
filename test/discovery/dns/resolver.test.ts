import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { resolveName } from "../../../src/discovery/dns/names.ts";
import { NameServers, nameServersIn } from "../../../src/discovery/dns/resolver.ts";
import { formatEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { deserted } from "../../probe/http/support/raw-server.ts";
import { folder, installServers, startProgram, type Program } from "../../probe/support/programs.ts";

const MANY = Array.from({ length: 80 }, (_, at) => `10.1.0.${at + 1}`);

const files = folder();
let server: Program;
beforeAll(async () => {
  await installServers();
  const hosts = files.write("hosts", MANY.map((address) => `${address} many.test\n`).join(""));
  server = await startProgram((port) => [
    "/usr/sbin/dnsmasq",
    ..."--keep-in-foreground --no-resolv --no-hosts --no-daemon --bind-interfaces --listen-address=127.0.0.1".split(
      " ",
    ),
    `--port=${port}`,
    "--user=root",
    "--local=/test/",
    "--local-ttl=7",
    `--addn-hosts=${hosts}`,
    "--host-record=web.test,192.0.2.1,fd00::1,60",
    "--cname=api.test,web.test,20",
    "--srv-host=_https._tcp.test,web.test,8443,10,5",
    "--srv-host=_https._tcp.test,many.test,443,20,5",
  ]);
}, 300_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

async function resolved(
  name: string,
  port?: number,
  family: "ipv4" | "ipv6" = "ipv4",
  servers?: Endpoint[],
): Promise<unknown> {
  const found = await resolveName(new NameServers(servers ?? [server.endpoint]), name, port, family);
  if ("problem" in found) return found.problem;
  return [
    found.ttlS,
    ...found.members.map(({ endpoint, weight }) => `${formatEndpoint(endpoint)}${weight ? `*${weight}` : ""}`),
  ];
}

describe("a real name server", () => {
  test("tells addresses of both families, by way of other names", async () => {
    expect(await resolved("web.test", 80)).toEqual([60, "192.0.2.1:80"]);
    expect(await resolved("Web.Test.", 80, "ipv6")).toEqual([60, "[fd00::1]:80"]);
    expect(await resolved("api.test", 80)).toEqual([20, "192.0.2.1:80"]);
  });

  test("tells more than fits into a packet over TCP", async () => {
    const [ttlS, ...members] = (await resolved("many.test", 443)) as [number, ...string[]];
    expect(ttlS).toBe(7);
    expect(members.toSorted()).toEqual(MANY.map((address) => `${address}:443`).toSorted());
  });

  test("tells of a service who has the lowest priority, with port and weight", async () => {
    expect(await resolved("_https._tcp.test")).toEqual([expect.any(Number), "192.0.2.1:8443*5"]);
  });

  test("tells that there is nothing", async () => {
    expect(await resolved("nobody.test", 80)).toBe("there is no such name (NXDOMAIN)");
    expect(await resolved("many.test", 80, "ipv6")).toBe("it has no AAAA record");
    expect(await resolved("elsewhere.example", 80)).toBe(`${formatEndpoint(server.endpoint)}: REFUSED`);
  });

  test("is asked after others that do not answer", async () => {
    expect(await resolved("web.test", 80, "ipv4", [deserted(), server.endpoint])).toEqual([60, "192.0.2.1:80"]);
    const nobody = deserted();
    expect(await resolved("web.test", 80, "ipv4", [nobody])).toBe(`${formatEndpoint(nobody)}: ECONNREFUSED`);
  });
});

test("this host's name servers are those of its file", async () => {
  const text =
    "# local\nnameserver 127.0.0.53\nsearch example.org\n nameserver fd00::53\nnameserver fe80::1%eth0\noptions ndots:5\n";
  expect(nameServersIn(text).map(formatEndpoint)).toEqual(["127.0.0.53:53", "[fd00::53]:53"]);
  const none = await new NameServers([], files.write("resolv.conf", "search a\n")).ask("a", "A");
  expect(none).toEqual({ failed: "no name server is known" });
  const missing = await new NameServers([], `${files.path}/missing`).ask("a", "A");
  expect(missing).toEqual({ failed: `${files.path}/missing cannot be read (ENOENT)` });
});
