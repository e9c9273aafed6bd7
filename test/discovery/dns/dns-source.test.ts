import { expect, test } from "bun:test";
import { DnsSource } from "../../../src/discovery/dns/dns-source.ts";
import type { Answer } from "../../../src/discovery/source.ts";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";
import type { DnsMessage, DnsRecord, DnsType } from "../../../src/probe/dns/message.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const [A, B] = ["192.0.2.1", "192.0.2.2"] as const;

test("a name is asked for again when its time is over, within bounds", async () => {
  using world = await World.begin(() => addresses([A, 20], [B, 60]));
  expect(world.told).toEqual([[`${A}:80`, `${B}:80`]]);
  await world.clock.advance(19_999);
  expect(world.asked).toBe(1);
  await world.clock.advance(1);
  expect(world.asked).toBe(2);
  world.answer = () => addresses([A, 0]);
  await world.clock.advance(20_000 + 5000 - 1);
  expect(world.asked).toBe(3);
  world.answer = () => addresses([A, 86_400]);
  await world.clock.advance(1);
  expect(world.asked).toBe(4);
});

test("who is missing in an answer stays for a while, as it may be a part of the list", async () => {
  using world = await World.begin(() => addresses([A, 300], [B, 300]));
  await world.clock.advance(300_000);
  world.answer = () => addresses([A, 300]);
  await world.clock.advance(300_000);
  expect(world.told.at(-1)).toEqual([`${A}:80`, `${B}:80`]);
  const before = world.asked;
  await world.clock.advance(29_999);
  expect(world.asked).toBe(before);
  await world.clock.advance(1);
  expect(world.told.at(-1)).toEqual([`${A}:80`]);
  world.answer = () => addresses([B, 300]);
  world.source.again();
  await world.clock.advance(0);
  expect(world.told.at(-1)).toEqual([`${A}:80`, `${B}:80`]);
});

test.each([
  [() => message([], "NXDOMAIN"), "there is no such name (NXDOMAIN)"],
  [() => message([]), "it has no A record"],
  [() => ({ failed: "192.0.2.53:53: SERVFAIL" }), "192.0.2.53:53: SERVFAIL"],
])("no answer changes nothing, and is told: %#", async (answer, problem) => {
  using world = await World.begin(() => addresses([A, 10]));
  world.answer = answer;
  await world.clock.advance(10_000);
  expect(world.told).toHaveLength(1);
  expect(world.problems).toEqual([problem]);
});

test("another name leads to it", async () => {
  using world = await World.begin(() =>
    message([
      { name: "api.example.org", type: "CNAME", ttlS: 7, target: "web.example.net" },
      { name: "web.example.net", type: "A", ttlS: 60, address: A },
      { name: "elsewhere.example.net", type: "A", ttlS: 60, address: B },
    ]),
  );
  expect(world.told).toEqual([[`${A}:80`]]);
  await world.clock.advance(7000);
  expect(world.asked).toBe(2);
});

test("of a service those with the lowest priority count, with their weights and ports", async () => {
  const srv = (target: string, priority: number, weight: number, port: number): DnsRecord => ({
    name: "_https._tcp.example.org",
    type: "SRV",
    ttlS: 60,
    priority,
    weight,
    port,
    target,
  });
  const services = [
    srv("a.example.org", 10, 5, 8443),
    srv("b.example.org", 10, 0, 9443),
    srv("c.example.org", 20, 1, 1),
  ];
  const answer = (type: DnsType, name: string): DnsMessage =>
    type === "SRV"
      ? { ...message(services), additionals: [{ name: "a.example.org", type: "A", ttlS: 60, address: A }] }
      : message(name === "b.example.org" ? [{ name, type: "A", ttlS: 60, address: B }] : []);
  using world = await World.begin(answer, "_https._tcp.example.org");
  expect(world.told).toEqual([[`${A}:8443*5`, `${B}:9443*1`]]);
  world.answer = () => message([srv("", 0, 0, 0)]);
  world.source.again();
  await world.clock.advance(0);
  expect(world.problems).toEqual(["it has no SRV record"]);
});

/** A source, its name server, which answers as the test says, and its clock. */
class World implements Disposable {
  readonly clock = new VirtualClock();
  readonly told: (readonly string[])[] = [];
  readonly problems: string[] = [];
  readonly source: DnsSource;
  asked = 0;
  answer: (type: DnsType, name: string) => DnsMessage | { readonly failed: string };

  static async begin(answer: World["answer"], name = "api.example.org"): Promise<World> {
    const world = new World(answer, name);
    world.source.start({ hear: (one) => world.#hear(one), servers: () => [], isRemembered: false });
    await world.clock.advance(0);
    return world;
  }

  private constructor(answer: World["answer"], name: string) {
    this.answer = answer;
    const options = {
      type: "dns",
      name,
      port: name.startsWith("_") ? undefined : 80,
      servers: [],
      minTtlMs: 5000,
      maxTtlMs: 300_000,
      obsoleteMs: 30_000,
    } as const;
    const resolver = {
      ask: (asked: string, type: DnsType) => {
        this.asked++;
        return Promise.resolve(this.answer(type, asked));
      },
    };
    this.source = new DnsSource(options, { resolver, clock: this.clock, random: () => 0.5, family: "ipv4" });
  }

  [Symbol.dispose](): void {
    this.source[Symbol.dispose]();
  }

  #hear(answer: Answer): void {
    if ("problem" in answer) this.problems.push(answer.problem);
    else
      this.told.push(
        answer.listed.map(
          ({ endpoint, weight }) => `${formatEndpoint(endpoint)}${weight === undefined ? "" : `*${weight}`}`,
        ),
      );
  }
}

function message(answers: readonly DnsRecord[], code = "NOERROR"): DnsMessage {
  return { id: 1, isAnswer: true, isTruncated: false, code, question: undefined, answers, additionals: [] };
}

function addresses(...all: readonly (readonly [address: string, ttlS: number])[]): DnsMessage {
  return message(all.map(([address, ttlS]) => ({ name: "api.example.org", type: "A", ttlS, address })));
}
