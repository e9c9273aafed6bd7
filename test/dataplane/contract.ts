import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { DataPlane, FailedOperation } from "../../src/dataplane/data-plane.ts";
import { formatEndpoint, type Endpoint } from "../../src/domain/endpoint.ts";
import { plan, type DesiredVirtualServer, type Operation } from "../../src/domain/plan.ts";
import { realServer, virtualServer, type RealServer, type VirtualServer } from "../../src/domain/virtual-server.ts";
import { eventually, greeted, greeter, whoAnswers } from "./userspace/tcp-peers.ts";

/** One data plane with the addresses a test may use on it; all reachable from this process. */
export interface Stage {
  readonly plane: DataPlane;
  /** Where the n-th virtual server (from 1) may stand. */
  virtualEndpoint(n: number): Endpoint;
  /** The address, of this host, on which the n-th real server (from 1) may listen. */
  realAddress(n: number): string;
  /** Called after each test, once its virtual servers are deleted. */
  close(): Promise<void>;
}

/** What every data plane does the same way; `open` gives each test a stage of its own. */
export function describeDataPlane(name: string, open: () => Promise<Stage>): void {
  describe(`data plane contract: ${name}`, () => {
    let stage: Stage;
    beforeEach(async () => {
      stage = await open();
    });
    afterEach(async () => {
      for (const { service } of await stage.plane.readAll()) {
        await stage.plane.apply(service, [{ kind: "service.delete", service }]);
      }
      await stage.close();
    });

    const service = (n = 1, scheduler = "rr") =>
      virtualServer({ protocol: "tcp", endpoint: stage.virtualEndpoint(n) }, scheduler);
    const server = (n: number, weight = 1): RealServer =>
      realServer({ family: "ipv4", address: stage.realAddress(n), port: 6443 }, weight);
    const apply = (to: VirtualServer, ...operations: Operation[]) => stage.plane.apply(to, operations);
    const standing = async (of: VirtualServer) => {
      const observed = await stage.plane.read(of);
      return (
        observed && { service: observed.service, realServers: sorted(observed.realServers.map((it) => it.server)) }
      );
    };
    /** A virtual server with these real servers, made by a plan. */
    const make = async (vs: VirtualServer, ...realServers: RealServer[]) => {
      expect(await stage.plane.apply(vs, plan(desire(vs, realServers), undefined))).toEqual([]);
    };

    /** A real server that tells its name. */
    const backend = (n: number) => greeter(stage.realAddress(n), `server ${n}`);
    /** How often each real server answered. */
    const answers = async (times: number) => {
      const names = new Map<string, number>();
      for (let time = 0; time < times; time++) {
        const name = await whoAnswers(stage.virtualEndpoint(1));
        names.set(name, (names.get(name) ?? 0) + 1);
      }
      return Object.fromEntries([...names].sort());
    };

    describe("table", () => {
      test("reads nothing where no virtual server stands", async () => {
        expect(await stage.plane.read(service())).toBeUndefined();
        expect(await stage.plane.readAll()).toEqual([]);
      });

      test("reads back exactly what was created", async () => {
        const limited = { ...server(2, 7), upperThreshold: 10, lowerThreshold: 5 };
        await make(service(1, "wrr"), server(1, 3), limited, server(3, 0));
        expect(await standing(service())).toEqual({
          service: service(1, "wrr"),
          realServers: sorted([server(1, 3), limited, server(3, 0)]),
        });
      });

      test("updates and removes real servers", async () => {
        await make(service(), server(1), server(2), server(3));
        const failed = await apply(
          service(),
          { kind: "server.update", server: server(1, 5), from: server(1) },
          { kind: "server.update", server: { ...server(2), upperThreshold: 8 }, from: server(2) },
          { kind: "server.remove", endpoint: server(3).endpoint },
        );
        expect(failed).toEqual([]);
        expect((await standing(service()))?.realServers).toEqual(
          sorted([server(1, 5), { ...server(2), upperThreshold: 8 }]),
        );
      });

      test("comes to the same table in whatever order the servers are added", async () => {
        await make(service(1), server(1), server(2), server(3));
        await make(service(2), server(3), server(1), server(2));
        expect((await standing(service(1)))?.realServers).toEqual((await standing(service(2)))?.realServers ?? []);
      });

      test("leaves nothing to plan after a plan has been applied", async () => {
        const first = desire(service(), [server(1), server(2, 3)]);
        await make(service(), ...first.realServers);
        expect(plan(first, await stage.plane.read(service()))).toEqual([]);

        const second = desire(service(1, "wrr"), [server(2, 1), server(3)]);
        // Two rounds: what is no longer wanted is drained by the first and removed by the second.
        for (const _round of [1, 2]) {
          expect(await stage.plane.apply(service(), plan(second, await stage.plane.read(service())))).toEqual([]);
        }
        expect(plan(second, await stage.plane.read(service()))).toEqual([]);
      });

      test("changes the scheduler in place", async () => {
        await make(service(), server(1));
        const to = service(1, "wlc");
        expect(await apply(to, { kind: "service.update", service: to, from: service() })).toEqual([]);
        expect(await standing(service())).toEqual({ service: to, realServers: [server(1)] });
      });

      test("keeps two virtual servers apart", async () => {
        await make(service(1), server(1));
        await make(service(2, "wlc"), server(1, 4), server(2));
        expect(await apply(service(1), { kind: "service.delete", service: service(1) })).toEqual([]);
        expect(await standing(service(1))).toBeUndefined();
        expect((await stage.plane.readAll()).map((observed) => observed.service)).toEqual([service(2, "wlc")]);
        expect((await standing(service(2)))?.realServers).toEqual(sorted([server(1, 4), server(2)]));
      });

      test("proves by preflight that a virtual server can stand, and leaves none", async () => {
        await stage.plane.preflight(service());
        expect(await stage.plane.readAll()).toEqual([]);
      });
    });

    describe("failed operations", () => {
      test("are told one by one while the others are done", async () => {
        await make(service(), server(1), server(2));
        const operations: Operation[] = [
          { kind: "service.create", service: service() },
          { kind: "server.add", server: server(1) },
          { kind: "server.add", server: server(3) },
          { kind: "server.update", server: server(4, 2), from: server(4) },
          { kind: "server.remove", endpoint: server(5).endpoint },
          { kind: "server.remove", endpoint: server(2).endpoint },
        ];
        expect(errnos(await apply(service(), ...operations))).toEqual([
          [operations[0], "EEXIST"],
          [operations[1], "EEXIST"],
          [operations[3], "ENOENT"],
          [operations[4], "ENOENT"],
        ]);
        expect((await standing(service()))?.realServers).toEqual(sorted([server(1), server(3)]));
      });

      test("say ESRCH when there is no such virtual server", async () => {
        const operations: Operation[] = [
          { kind: "server.add", server: server(1) },
          { kind: "server.update", server: server(1, 0), from: server(1) },
          { kind: "server.remove", endpoint: server(1).endpoint },
          { kind: "service.update", service: service(1, "wlc"), from: service() },
          { kind: "service.delete", service: service() },
        ];
        expect(errnos(await apply(service(), ...operations))).toEqual(
          operations.map((operation) => [operation, "ESRCH"]),
        );
      });

      test("say SCHEDULER_MISSING for a scheduler that nobody has", async () => {
        const odd = service(1, "nosuch");
        const failed = await apply(odd, { kind: "service.create", service: odd });
        expect(failed.map(({ error }) => error.code)).toEqual(["SCHEDULER_MISSING"]);
        expect(await standing(odd)).toBeUndefined();
      });
    });

    describe("traffic", () => {
      test("goes round all real servers", async () => {
        using one = backend(1);
        using two = backend(2);
        using three = backend(3);
        await make(service(), ...[one, two, three].map(({ endpoint }) => realServer(endpoint)));
        expect(await answers(9)).toEqual({ "server 1": 3, "server 2": 3, "server 3": 3 });
      });

      test("follows the weights after the scheduler has changed", async () => {
        using one = backend(1);
        using two = backend(2);
        await make(service(), realServer(one.endpoint, 3), realServer(two.endpoint, 1));
        expect(await answers(4)).toEqual({ "server 1": 2, "server 2": 2 });
        const to = service(1, "wrr");
        await apply(to, { kind: "service.update", service: to, from: service() });
        expect(await answers(8)).toEqual({ "server 1": 6, "server 2": 2 });
      });

      test("keeps an open connection at weight 0 and brings no new one", async () => {
        using one = backend(1);
        using two = backend(2);
        await make(service(), realServer(one.endpoint));
        const open = await greeted(stage.virtualEndpoint(1));
        await apply(
          service(),
          { kind: "server.add", server: realServer(two.endpoint) },
          { kind: "server.update", server: realServer(one.endpoint, 0), from: realServer(one.endpoint) },
        );
        expect(await answers(4)).toEqual({ "server 2": 4 });
        open.send("still there?");
        await open.until(({ text }) => text === "server 1\nstill there?");
        open.socket.terminate();
      });

      test("shows an open connection in the counts of its real server", async () => {
        using one = backend(1);
        await make(service(), realServer(one.endpoint));
        const open = await greeted(stage.virtualEndpoint(1));
        const active = async () => (await stage.plane.read(service()))?.realServers[0]?.activeConnections;
        await eventually(async () => (await active()) === 1);
        open.socket.terminate();
        await eventually(async () => (await active()) === 0);
      });
    });

    test("closes more than once", async () => {
      await stage.plane.close();
      await stage.plane.close();
      await stage.close();
      stage = await open();
    });
  });
}

// --- internal ---

function desire(service: VirtualServer, realServers: readonly RealServer[]): DesiredVirtualServer {
  return { service, realServers, leaving: [], absent: [], unlisted: "remove" };
}

/** A data plane may list real servers in any order. */
function sorted(servers: readonly RealServer[]): RealServer[] {
  return servers.toSorted((a, b) => (formatEndpoint(a.endpoint) < formatEndpoint(b.endpoint) ? -1 : 1));
}

function errnos(failed: readonly FailedOperation[]): (Operation | string | undefined)[][] {
  return failed.map(({ operation, error }) => [operation, error.errno]);
}
