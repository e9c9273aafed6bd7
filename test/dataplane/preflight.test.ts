import { expect, test } from "bun:test";
import { rehearse, trialEndpoint, type Rehearsal } from "../../src/dataplane/ipvs/preflight.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import { formatServiceKey, virtualServer, type ServiceKey } from "../../src/domain/virtual-server.ts";

const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") }, "rr");
const trial = formatServiceKey({ ...service, endpoint: trialEndpoint(service) });
const exists = new LvscareError("KERNEL_REFUSED", "it is there already", { errno: "EEXIST" });
const absent = new LvscareError("KERNEL_REFUSED", "there is no such virtual server", { errno: "ESRCH" });

/** A table of service names, each change of which is told to `onChange`. */
function stageWith(onChange: (kind: string, table: Set<string>) => void = () => undefined) {
  const table = new Set<string>();
  const changes: string[] = [];
  const stage: Rehearsal = {
    apply(key, operations) {
      return operations.flatMap((operation) => {
        const name = formatServiceKey(key);
        const stands = table.has(name);
        changes.push(operation.kind);
        if (operation.kind === "service.create") table.add(name);
        else table.delete(name);
        const refused = stands === (operation.kind === "service.create");
        onChange(operation.kind, table);
        return refused ? [{ operation, error: stands ? exists : absent }] : [];
      });
    },
    readService: (key: ServiceKey) => (table.has(formatServiceKey(key)) ? { ...service, ...key } : undefined),
  };
  return { stage, table, changes };
}

test("two virtual servers are rehearsed at different ports, one always at the same", () => {
  const endpoints = ["10.96.0.1:443", "10.96.0.2:443", "10.96.0.1:444", "[fd00::1]:443"].map(parseEndpoint);
  const trials = endpoints.map((endpoint) => trialEndpoint({ protocol: "tcp", endpoint }));
  expect(trials.map(({ family, address }) => [family, address])).toEqual([
    ["ipv4", "198.51.100.0"],
    ["ipv4", "198.51.100.0"],
    ["ipv4", "198.51.100.0"],
    ["ipv6", "2001:db8::"],
  ]);
  expect(new Set(trials.map(({ port }) => port)).size).toBe(4);
  expect(trialEndpoint(service)).toEqual(trialEndpoint({ ...service }));
});

test("another's live rehearsal is spared, and ours made when that is over", () => {
  const { stage, table, changes } = stageWith((kind, standing) => {
    // The other one ends its rehearsal between our first try and our second.
    if (kind === "service.create" && changes.length === 1) standing.delete(trial);
  });
  table.add(trial);
  rehearse(stage, service);
  expect(changes).toEqual(["service.create", "service.create", "service.delete"]);
  expect([...table]).toEqual([]);
});

test("what stands there for long was left by a crash, and is deleted", () => {
  const { stage, table, changes } = stageWith();
  table.add(trial);
  rehearse(stage, service);
  expect(changes.slice(0, 3)).toEqual(["service.create", "service.create", "service.delete"]);
  expect([...table]).toEqual([]);
});

test("a trial that somebody deletes is made again", () => {
  const { stage, table, changes } = stageWith((_, standing) => {
    if (changes.length < 4) standing.delete(trial);
  });
  rehearse(stage, service);
  expect(changes.length).toBeGreaterThan(4);
  expect([...table]).toEqual([]);
});

test.each(["reading", "creating"])("nothing is left when %s ends in a failure of the socket", (when) => {
  const lost = new LvscareError("KERNEL_TIMEOUT", "the kernel did not answer for 5s");
  const { stage, table } = stageWith((kind) => {
    if (when === "creating" && kind === "service.create") throw lost;
  });
  const broken: Rehearsal = {
    ...stage,
    readService: () => {
      throw lost;
    },
  };
  expect(() => rehearse(broken, service)).toThrow(lost);
  expect([...table]).toEqual([]);
});

test("what will not change is told at once, and nobody's virtual server is deleted for it", () => {
  const refused = new LvscareError("NOT_PERMITTED", "the kernel does not let this process change IPVS");
  const asked: string[] = [];
  const stage: Rehearsal = {
    apply: (_, operations) =>
      operations.map((operation) => {
        asked.push(operation.kind);
        return { operation, error: refused };
      }),
    readService: () => undefined,
  };
  expect(() => rehearse(stage, service)).toThrow(refused);
  expect(asked).toEqual(["service.create"]);
});
