import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createScheduler, USERSPACE_SCHEDULERS } from "../../../src/dataplane/userspace/schedulers/index.ts";
import type { Candidate, PickRequest } from "../../../src/dataplane/userspace/schedulers/scheduler.ts";
import { virtualServer, type ServiceFlag } from "../../../src/domain/virtual-server.ts";

interface TestServer extends Candidate {
  readonly name: string;
}

function server(name: string, weight = 1, state: Partial<Candidate> = {}): TestServer {
  return { name, weight, activeConnections: 0, inactiveConnections: 0, overloaded: false, suspected: false, ...state };
}

function servers(...weights: number[]): TestServer[] {
  return weights.map((weight, index) => server("abcdefghijkl"[index] ?? "z", weight));
}

function scheduler(name: string, flags: ServiceFlag[] = []) {
  const endpoint = { family: "ipv4", address: "10.0.0.1", port: 6443 } as const;
  return createScheduler({ ...virtualServer({ protocol: "tcp", endpoint }, name), flags });
}

function request(from: Partial<PickRequest<TestServer>> = {}): PickRequest<TestServer> {
  return { clientAddress: "10.1.2.3", clientPort: 40_000, tried: new Set(), isRetry: false, ...from };
}

/** Names chosen by so many picks in a row. */
function picks(name: string, list: TestServer[], times: number): string {
  const { pick } = scheduler(name);
  return Array.from({ length: times }, () => pick(list, request())?.name ?? "-").join("");
}

/** Who has how many of them, `[["a", 2], …]`. */
function tally(chosen: string): [string, number][] {
  return [...Map.groupBy(chosen, (name) => name)].map(([name, all]) => [name, all.length] as [string, number]).sort();
}

const weightLists = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 });

describe("every scheduler", () => {
  const states = fc.array(
    fc.record({
      weight: fc.integer({ min: 0, max: 3 }),
      activeConnections: fc.nat(5),
      inactiveConnections: fc.nat(5),
      overloaded: fc.boolean(),
      suspected: fc.boolean(),
      tried: fc.boolean(),
    }),
    { maxLength: 6 },
  );

  test.each([...USERSPACE_SCHEDULERS])("%s chooses one that takes connections, whenever there is one", (name) => {
    fc.assert(
      fc.property(fc.array(states, { maxLength: 5 }), fc.ipV4(), (rounds, clientAddress) => {
        const chooser = scheduler(name);
        for (const round of rounds) {
          const list = round.map(({ tried: _tried, ...state }, index) => server(`${index}`, state.weight, state));
          const tried = new Set(list.filter((_, index) => round[index]?.tried));
          const open = list.filter((one) => one.weight > 0 && !one.overloaded && !one.suspected && !tried.has(one));
          const chosen = chooser.pick(list, request({ clientAddress, tried }));
          if (chosen === undefined) expect(open).toEqual([]);
          else expect(open).toContain(chosen);
        }
      }),
    );
  });

  test.each([...USERSPACE_SCHEDULERS])("%s: a retry takes nobody's turn", (name) => {
    fc.assert(
      fc.property(weightLists, fc.array(fc.boolean(), { maxLength: 20 }), (weights, retries) => {
        const [undisturbed, disturbed] = [scheduler(name), scheduler(name)];
        const list = servers(...weights);
        for (const isRetried of retries) {
          const chosen = disturbed.pick(list, request());
          expect(chosen).toEqual(undisturbed.pick(list, request()));
          if (!isRetried || chosen === undefined) continue;
          expect(disturbed.pick(list, request({ tried: new Set([chosen]), isRetry: true }))).not.toBe(chosen);
        }
      }),
    );
  });

  test("is named when an unknown one is asked for", () => {
    expect(() => scheduler("lblc")).toThrow(
      expect.objectContaining({
        code: "SCHEDULER_MISSING",
        message: 'the userspace data plane has no scheduler "lblc"',
        remedy: "use one of rr, wrr, lc, wlc, sh, dh, sed, nq",
      }),
    );
  });
});

describe("rr", () => {
  test("takes each server in turn, whatever its weight", () => {
    expect(picks("rr", servers(1, 9, 0, 2), 7)).toBe("abdabda");
  });

  test("gives everyone the same share", () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        const list = servers(...weights);
        const open = list.filter(({ weight }) => weight > 0);
        expect(tally(picks("rr", list, open.length * 3))).toEqual(open.map(({ name }) => [name, 3]));
      }),
    );
  });

  test("goes on behind a server that has been removed", () => {
    const { pick } = scheduler("rr");
    const [a, b, c] = servers(1, 1, 1) as [TestServer, TestServer, TestServer];
    expect([pick([a, b, c], request()), pick([a, b, c], request()), pick([a, c], request())]).toEqual([a, b, c]);
    expect(pick([a, b, c], request())).toEqual(a);
  });
});

describe("wrr", () => {
  test("walks as the kernel does", () => {
    expect(picks("wrr", servers(4, 3, 2), 9)).toBe("aababcabc");
    expect(picks("wrr", servers(20, 10), 6)).toBe("aabaab");
  });

  test("shares each cycle in proportion to the weights", () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        const list = servers(...weights);
        const cycle = weights.reduce((sum, weight) => sum + weight, 0);
        const expected = list.filter(({ weight }) => weight > 0).map(({ name, weight }) => [name, weight * 2]);
        expect(tally(picks("wrr", list, cycle * 2))).toEqual(expected as [string, number][]);
      }),
    );
  });

  test("adapts to a change of weights in the middle of its walk", () => {
    const { pick } = scheduler("wrr");
    pick(servers(50, 30), request());
    const changed = servers(2, 4);
    const chosen = Array.from({ length: 9 }, () => pick(changed, request())?.name).join("");
    expect(tally(chosen)).toEqual([
      ["a", 3],
      ["b", 6],
    ]);
  });

  test("finds the lightest server at once when the heaviest cannot take more", () => {
    const heavy = server("heavy", 2 ** 31 - 1, { overloaded: true });
    const light = server("light", 1);
    expect(scheduler("wrr").pick([heavy, light], request())).toEqual(light);
  });
});

describe("the schedulers that count connections", () => {
  const busy = (name: string, weight: number, activeConnections: number, inactiveConnections = 0) =>
    server(name, weight, { activeConnections, inactiveConnections });

  test("lc counts an active connection as 256 inactive ones", () => {
    expect(picks("lc", [busy("a", 9, 2), busy("b", 1, 1, 255), busy("c", 1, 1, 256)], 1)).toBe("b");
    expect(picks("lc", [busy("a", 1, 1), busy("b", 1, 0, 256)], 1)).toBe("a");
  });

  test("wlc divides by the weight", () => {
    expect(picks("wlc", [busy("a", 1, 2), busy("b", 3, 5), busy("c", 1, 1, 256)], 1)).toBe("b");
  });

  test("sed counts the connection to come", () => {
    expect(picks("sed", [busy("a", 1, 0), busy("b", 3, 1)], 1)).toBe("b");
    expect(picks("sed", [busy("a", 1, 0), busy("b", 2, 1)], 1)).toBe("a");
  });

  test("nq takes the first idle server before a faster busy one", () => {
    expect(picks("nq", [busy("a", 9, 1), busy("b", 1, 0), busy("c", 5, 0)], 1)).toBe("b");
    expect(picks("nq", [busy("a", 1, 1), busy("b", 9, 2)], 1)).toBe("b");
  });
});

describe("the hashing schedulers", () => {
  const clients = Array.from({ length: 200 }, (_, index) => `10.2.${index % 7}.${index}`);
  const choices = (list: TestServer[], flags: ServiceFlag[] = []) => {
    const { pick } = scheduler("sh", flags);
    return clients.map(
      (clientAddress, index) => pick(list, request({ clientAddress, clientPort: 4000 + index }))?.name,
    );
  };

  test("sh sends a client always to the same server, and uses all servers", () => {
    const list = servers(1, 1, 1);
    expect(choices(list)).toEqual(choices(list));
    expect(new Set(choices(list))).toEqual(new Set(["a", "b", "c"]));
  });

  test("sh moves only the clients of a drained server", () => {
    const before = choices(servers(1, 1, 1));
    const after = choices(servers(1, 0, 1));
    expect(after.filter((_, index) => before[index] !== "b")).toEqual(before.filter((name) => name !== "b"));
    expect(after).not.toContain("b");
  });

  test("sh gives a heavier server more clients", () => {
    const heavy = choices(servers(1, 3)).filter((name) => name === "b").length;
    expect(heavy / clients.length).toBeWithin(0.6, 0.9);
  });

  test("sh counts the port only when told to", () => {
    const { pick } = scheduler("sh", ["flag-2"]);
    const list = servers(1, 1, 1, 1);
    const chosen = new Set(clients.map((_, index) => pick(list, request({ clientPort: 5000 + index }))?.name));
    expect(chosen.size).toBe(4);
  });

  test("sh knows clients by IPv6 addresses too", () => {
    const list = servers(1, 1);
    const { pick } = scheduler("sh");
    const from = (clientAddress: string) => pick(list, request({ clientAddress }))?.name;
    expect(from("fd00::1")).toBe(from("fd00::1"));
  });

  test("dh sends everyone to one server, and to another one when that is drained", () => {
    const { pick } = scheduler("dh");
    const chosen = (list: TestServer[]) =>
      new Set(clients.map((clientAddress) => pick(list, request({ clientAddress }))?.name));
    const [only] = chosen(servers(1, 1, 1));
    expect([...chosen(servers(1, 1, 1))]).toEqual([only]);
    const drained = servers(1, 1, 1).map((one) => (one.name === only ? { ...one, weight: 0 } : one));
    expect(chosen(drained)).toEqual(new Set([[...chosen(drained)][0]]));
    expect(chosen(drained)).not.toContain(only);
  });
});
