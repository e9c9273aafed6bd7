import { describe, expect, test } from "bun:test";
import { listenError } from "../../../src/dataplane/userspace/listener.ts";
import { LvscareError } from "../../../src/domain/errors.ts";
import { virtualServer, type VirtualServer } from "../../../src/domain/virtual-server.ts";
import type { LocalAddresses } from "../../../src/dataplane/userspace/userspace-data-plane.ts";
import { openStage } from "./open-stage.ts";
import { serve } from "./tcp-peers.ts";

/** An address of the documentation's network, which no host has. */
const FOREIGN = { family: "ipv4", address: "203.0.113.7", port: 6443 } as const;

function service(endpoint: VirtualServer["endpoint"], changes: Partial<VirtualServer> = {}): VirtualServer {
  return { ...virtualServer({ protocol: "tcp", endpoint }, "rr"), ...changes };
}

/** The code, errno and remedy with which both preflight and creation refuse. */
async function refusal(vs: VirtualServer) {
  const { plane, close } = await openStage();
  const preflight = await plane.preflight(vs).catch((error: unknown) => error);
  const [failed] = await plane.apply(vs, [{ kind: "service.create", service: vs }]);
  expect(await plane.readAll()).toEqual([]);
  await close();
  const seen = [preflight, failed?.error].map((error) => {
    const { code, errno, remedy } = error as LvscareError;
    return { code, errno, remedy };
  });
  expect(seen[0]).toEqual(seen[1] as NonNullable<(typeof seen)[1]>);
  return seen[0];
}

describe("a virtual server is refused", () => {
  test("where somebody else listens", async () => {
    using other = serve("127.0.0.1", {});
    expect(await refusal(service(other.endpoint))).toEqual({
      code: "ADDRESS_IN_USE",
      errno: "EADDRINUSE",
      remedy: `stop what listens on port ${other.endpoint.port}, or choose another port`,
    });
  });

  test("at an address of another host", async () => {
    expect(await refusal(service(FOREIGN))).toEqual({
      code: "ADDRESS_NOT_LOCAL",
      errno: "EADDRNOTAVAIL",
      remedy: "add it to the loopback interface (ip addr add 203.0.113.7/32 dev lo), or run with CAP_NET_ADMIN",
    });
  });

  test("for another protocol than tcp", async () => {
    expect(await refusal(service(FOREIGN, { protocol: "udp" }))).toMatchObject({ code: "USAGE" });
  });

  test("with persistence", async () => {
    expect(await refusal(service(FOREIGN, { persistenceTimeoutS: 60 }))).toMatchObject({ code: "USAGE" });
  });

  test("with a scheduler that only the kernel has", async () => {
    expect(await refusal(service(FOREIGN, { scheduler: "mh" }))).toMatchObject({ code: "SCHEDULER_MISSING" });
  });
});

test("a port below 1024 without the right to it is named as such", () => {
  const cause = Object.assign(new Error("Failed to listen"), { code: "EACCES" });
  expect(listenError({ ...FOREIGN, port: 443 }, cause)).toMatchObject({
    code: "NOT_PERMITTED",
    errno: "EACCES",
    operation: "listen on 203.0.113.7:443",
    remedy: "run with CAP_NET_BIND_SERVICE, or choose a port from 1024 up",
  });
});

test("the address is made local before each listen, and preflight takes it back", async () => {
  const asked: string[] = [];
  const { plane, virtualEndpoint, close } = await openStage({ localAddresses: noting(asked, "added") });
  const vs = service(virtualEndpoint(1));
  await plane.preflight(vs);
  await plane.apply(vs, [{ kind: "service.create", service: vs }]);
  const { address } = vs.endpoint;
  expect(asked).toEqual([`ensure ${address}`, `release ${address}`, `ensure ${address}`]);
  await close();
});

test("preflight leaves an address that was there alone, and takes its own back when it cannot listen", async () => {
  const asked: string[] = [];
  const { plane, virtualEndpoint, close } = await openStage({ localAddresses: noting(asked, "already-local") });
  await plane.preflight(service(virtualEndpoint(1)));
  expect(asked).toEqual([`ensure ${virtualEndpoint(1).address}`]);
  await close();

  const refused: string[] = [];
  const second = await openStage({ localAddresses: noting(refused, "added") });
  await second.plane.preflight(service(FOREIGN)).catch((error: unknown) => refused.push((error as LvscareError).code));
  expect(refused).toEqual([`ensure ${FOREIGN.address}`, `release ${FOREIGN.address}`, "ADDRESS_NOT_LOCAL"]);
  await second.close();
});

test("a failure to make the address local is the failure of the creation", async () => {
  const error = new LvscareError("NOT_PERMITTED", "no right to change addresses", { errno: "EPERM" });
  const { plane, virtualEndpoint, close } = await openStage({
    localAddresses: { ensure: () => Promise.reject(error), release: async () => {} },
  });
  const vs = service(virtualEndpoint(1));
  const failed = await plane.apply(vs, [{ kind: "service.create", service: vs }]);
  expect(failed.map((one) => [one.operation.kind, one.error.code, one.error.errno])).toEqual([
    ["service.create", "NOT_PERMITTED", "EPERM"],
  ]);
  await close();
});

test("preflight is content with a virtual server of its own that stands already", async () => {
  const { plane, virtualEndpoint, close } = await openStage();
  const vs = service(virtualEndpoint(1));
  await plane.apply(vs, [{ kind: "service.create", service: vs }]);
  await plane.preflight(vs);
  await close();
});

function noting(asked: string[], outcome: "added" | "already-local"): LocalAddresses {
  return {
    ensure: async (address) => {
      asked.push(`ensure ${address}`);
      return outcome;
    },
    release: async (address) => asked.push(`release ${address}`),
  };
}
