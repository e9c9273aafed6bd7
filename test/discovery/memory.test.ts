import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemberMemory, parseMemory } from "../../src/discovery/memory.ts";
import { takeAnswer, UNKNOWN, type Membership } from "../../src/discovery/membership.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lvscare-memory-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const RULES = { source: "file /m", removeAtMost: 50, confirmMs: 1, unfit: () => undefined, isPassing: () => false };

function membership(): Membership {
  const [a, b] = ["10.0.0.1:80", "[fd00::2]:80"].map(parseEndpoint);
  if (a === undefined || b === undefined) throw new Error("no endpoints");
  const first = takeAnswer(UNKNOWN, [{ endpoint: a, weight: 3, zone: "z" }, { endpoint: b }], RULES, 1000);
  return takeAnswer(first.membership, [{ endpoint: a, weight: 3, zone: "z" }], RULES, 2000).membership;
}

describe("what is remembered of members", () => {
  test("is read as it was written, by its own user alone", async () => {
    const path = join(folder, "deep/members/web.json");
    const memory = new MemberMemory(path, "file /m");
    expect(memory.read(0)).toBe(UNKNOWN);
    memory.write(membership(), 3000);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const read = new MemberMemory(path, "file /m").read(500_000);
    expect(read.isRemembered).toBe(true);
    expect([...(read.members ?? [])].map(([name, { weight, zone }]) => [name, weight, zone])).toEqual([
      ["10.0.0.1:80", 3, "z"],
    ]);
    expect([...read.attic.keys()]).toEqual(["[fd00::2]:80"]);
  });

  test("has whom the cluster drains", () => {
    const path = join(folder, "drained.json");
    const drains = new Map([["fd00::", { since: "2026-12-01T02:00:00.000Z", by: "alice" }]]);
    const memory = new MemberMemory(path, "file /m");
    memory.write(membership(), 3000);
    memory.write({ ...membership(), drains }, 3000);
    expect(new MemberMemory(path, "file /m").read(4000).drains).toEqual(drains);
    memory.write(membership(), 3000);
    expect(new MemberMemory(path, "file /m").read(4000).drains).toEqual(new Map());
  });

  test("is written on a change alone", async () => {
    const path = join(folder, "once.json");
    const memory = new MemberMemory(path, "file /m");
    memory.write(membership(), 3000);
    await rm(path);
    memory.write(membership(), 4000);
    expect(await Bun.file(path).exists()).toBe(false);
    memory.write({ ...membership(), attic: new Map() }, 5000);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ former: [] });
  });

  test("of another source is forgotten", () => {
    const path = join(folder, "source.json");
    new MemberMemory(path, "file /m").write(membership(), 0);
    expect(new MemberMemory(path, "file /other").read(0)).toBe(UNKNOWN);
  });

  test("has times that go on while no daemon runs", () => {
    const text = JSON.stringify({
      version: 1,
      source: "file /m",
      savedAt: "2026-11-30T10:00:00.000Z",
      members: [{ address: "10.0.0.1:80" }],
      former: [{ address: "10.0.0.2:80", leftAt: "2026-11-30T09:00:00.000Z" }],
    });
    const read = parseMemory(text, "file /m", 10_000, Date.parse("2026-11-30T11:00:00.000Z"));
    expect(read.members?.get("10.0.0.1:80")?.sinceMs).toBe(10_000 - 3_600_000);
    expect(read.attic.get("10.0.0.2:80")?.leftMs).toBe(10_000 - 7_200_000);
  });

  test.each([
    ["no JSON", "{", /JSON/],
    ["another version", '{"version": 2}', /another version/],
    ["no list", '{"version": 1, "source": "file /m"}', /lists no members/],
    ["no address", '{"version": 1, "source": "file /m", "members": [{"address": "x"}]}', /"x"/],
  ])("that is %s is refused", async (_, text, reason) => {
    const path = join(folder, "bad.json");
    await Bun.write(path, text);
    await chmod(path, 0o600);
    expect(() => new MemberMemory(path, "file /m").read(0)).toThrow(reason);
  });

  test("by others is not believed", async () => {
    const path = join(folder, "others.json");
    await Bun.write(path, "{}");
    await chmod(path, 0o666);
    expect(() => new MemberMemory(path, "file /m").read(0)).toThrow("only this user can write to");
    await symlink(path, join(folder, "link.json"));
    expect(() => new MemberMemory(join(folder, "link.json"), "file /m").read(0)).toThrow("it is a link");
  });
});
