import { describe, expect, test } from "bun:test";
import {
  dropFailing,
  takeAnswer,
  UNKNOWN,
  type Membership,
  type Rules,
  type Step,
} from "../../src/discovery/membership.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";

const [A, B, C, D] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;

/** Believes as a virtual server of which these pass their checks. */
function rules(...passing: readonly string[]): Rules {
  return {
    source: "file /m",
    removeAtMost: 50,
    confirmMs: 60_000,
    unfit: ({ address }) => (address.startsWith("127.") ? "is an address of every host" : undefined),
    isPassing: (name) => passing.includes(name),
  };
}

function answer(before: Membership, servers: readonly string[], believed: Rules, nowMs: number): Step {
  return takeAnswer(
    before,
    servers.map((server) => ({ endpoint: parseEndpoint(server) })),
    believed,
    nowMs,
  );
}

function known(...servers: readonly string[]): Membership {
  return answer(UNKNOWN, servers, rules(), 0).membership;
}

function names({ members }: Membership): readonly string[] | undefined {
  return members && [...members.keys()];
}

describe("a list of members", () => {
  test("is taken as it is the first time, and what changes is told", () => {
    const first = answer(UNKNOWN, [A, B], rules(), 1);
    expect(names(first.membership)).toEqual([A, B]);
    expect(first.news).toEqual([{ type: "members.listed", source: "file /m", added: [A, B], removed: [], total: 2 }]);
    const second = answer(first.membership, [B, C], rules(A, B), 2);
    expect(second.news).toEqual([{ type: "members.listed", source: "file /m", added: [C], removed: [A], total: 2 }]);
    expect(second.membership.members?.get(B)?.sinceMs).toBe(1);
    expect(second.membership.members?.get(C)?.sinceMs).toBe(2);
    expect([...second.membership.attic].map(([name, { leftMs }]) => [name, leftMs])).toEqual([[A, 2]]);
  });

  test("that says the same again is no news", () => {
    expect(answer(known(A, B), [B, A], rules(A, B), 5).news).toEqual([]);
  });

  test("that is empty takes nobody out, and is told once", () => {
    const first = answer(known(A, B), [], rules(A, B), 5);
    expect(names(first.membership)).toEqual([A, B]);
    expect(first.news).toEqual([{ type: "members.kept", source: "file /m", guard: "empty", servers: [A, B] }]);
    const second = answer(first.membership, [], rules(A, B), 6);
    expect(second.news).toEqual([]);
    expect(second.membership.emptySinceMs).toBe(5);
    expect(answer(second.membership, [A, B], rules(A, B), 7).membership.emptySinceMs).toBeUndefined();
  });

  test("names somebody who cannot serve here: ignored, and told once", () => {
    const first = answer(known(A, B), [A, B, "127.0.0.1:80"], rules(A, B), 5);
    expect(names(first.membership)).toEqual([A, B]);
    expect(first.news).toEqual([
      { type: "members.ignored", source: "file /m", server: "127.0.0.1:80", reason: "is an address of every host" },
    ]);
    expect(answer(first.membership, [A, B, "127.0.0.1:80"], rules(A, B), 6).news).toEqual([]);
  });

  test("of those alone who cannot serve is as good as empty", () => {
    const { membership, news } = answer(known(A, B), ["127.0.0.1:80"], rules(A, B), 5);
    expect(names(membership)).toEqual([A, B]);
    expect(news.map(({ type }) => type)).toEqual(["members.ignored", "members.kept"]);
  });
});

describe("a list that loses more than half at once", () => {
  test("is not believed before it has said so for a while, but who is new joins", () => {
    const first = answer(known(A, B, C), [A, D], rules(A, B, C), 1000);
    expect(names(first.membership)).toEqual([A, D, B, C]);
    expect(first.news[0]).toEqual({
      type: "members.kept",
      source: "file /m",
      guard: "too-many",
      servers: [B, C],
      confirmMs: 60_000,
    });
    const early = answer(first.membership, [A, D], rules(A, B, C), 60_999);
    expect(names(early.membership)).toEqual([A, D, B, C]);
    expect(early.news).toEqual([]);
    const late = answer(early.membership, [A, D], rules(A, B, C), 61_000);
    expect(names(late.membership)).toEqual([A, D]);
    expect(late.membership.doubt).toBeUndefined();
  });

  test("is not made believable by those who join", () => {
    const first = answer(known(A, B, C), [A, "10.0.0.5:80", "10.0.0.6:80", "10.0.0.7:80"], rules(A, B, C), 0);
    const second = answer(first.membership, [A, "10.0.0.5:80", "10.0.0.6:80", "10.0.0.7:80"], rules(A, B, C), 1);
    expect(second.membership.doubt?.kept).toEqual(new Set([B, C]));
  });

  test("takes those at once whose checks fail, also later", () => {
    const first = answer(known(A, B, C), [A], rules(A, B), 0);
    expect(names(first.membership)).toEqual([A, B]);
    const { membership, news } = dropFailing(first.membership, rules(A), 5);
    expect(names(membership)).toEqual([A]);
    expect(membership.doubt).toBeUndefined();
    expect(news).toEqual([{ type: "members.listed", source: "file /m", added: [], removed: [B], total: 1 }]);
  });

  test("is forgotten when those are listed again", () => {
    const first = answer(known(A, B, C), [A], rules(A, B, C), 0);
    const { membership, news } = answer(first.membership, [A, B, C], rules(A, B, C), 10);
    expect(names(membership)).toEqual([A, B, C]);
    expect(membership.doubt).toBeUndefined();
    expect(news).toEqual([]);
  });

  test("has its time begin anew when it loses yet another", () => {
    const first = answer(known(A, B, C, D), [A], rules(A, B, C, D), 0);
    const second = answer(first.membership, ["10.0.0.9:80"], rules(A, B, C, D), 59_000);
    expect(second.membership.doubt?.sinceMs).toBe(59_000);
    expect(names(answer(second.membership, ["10.0.0.9:80"], rules(A, B, C, D), 61_000).membership)).toHaveLength(5);
  });
});

test("that the last one who passes is kept is told", () => {
  const { news } = answer(known(A, B), [B], rules(A), 5);
  expect(news).toEqual([
    { type: "members.listed", source: "file /m", added: [], removed: [A], total: 1 },
    { type: "members.kept", source: "file /m", guard: "last-healthy", servers: [A] },
  ]);
});

test("who left is remembered for a day", () => {
  const day = 24 * 3_600_000;
  const left = answer(known(A, B), [B], rules(B), 10).membership;
  expect([...answer(left, [B, C], rules(B), day).membership.attic.keys()]).toEqual([A]);
  expect([...answer(left, [B, C], rules(B), day + 10).membership.attic.keys()]).toEqual([]);
  expect([...answer(left, [A, B], rules(B), 20).membership.attic.keys()]).toEqual([]);
});
