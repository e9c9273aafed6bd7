import { describe, expect, test } from "bun:test";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { PLAIN_HEALTH_POLICY } from "../../src/domain/health-policy.ts";
import { realServer, virtualServer } from "../../src/domain/virtual-server.ts";
import {
  configurationChange,
  describeConfigurationChange,
  type VirtualServerConfiguration,
} from "../../src/domain/virtual-server-configuration.ts";

const at = (host: number, weight = 1) => realServer(parseEndpoint(`10.0.0.${host}:80`), weight);
const BEFORE: VirtualServerConfiguration = {
  service: virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") }, "rr"),
  realServers: [at(1), at(2), at(3)],
  policy: PLAIN_HEALTH_POLICY,
  initState: "down",
  unlisted: "remove",
  drained: new Set(["10.0.0.3:80"]),
};

describe("how a configuration differs", () => {
  test("not at all where it says the same in another order and other objects", () => {
    const again = { ...structuredClone(BEFORE), realServers: [at(3), at(1), at(2)] };
    expect(configurationChange(BEFORE, again)).toBeUndefined();
  });

  test.each<[string, Partial<VirtualServerConfiguration>]>([
    ["scheduler rr → wrr", { service: { ...BEFORE.service, scheduler: "wrr" } }],
    ["persistence", { service: { ...BEFORE.service, flags: ["persistent"], persistenceTimeoutS: 300 } }],
    ["10.0.0.4:80 added, 10.0.0.1:80, 10.0.0.2:80 removed", { realServers: [at(3), at(4)] }],
    ["10.0.0.3:80 removed", { realServers: [at(1), at(2)], drained: new Set() }],
    ["weight of 10.0.0.2:80 1 → 5", { realServers: [at(1), at(2, 5), at(3)] }],
    ["10.0.0.1:80 set otherwise", { realServers: [{ ...at(1), upperThreshold: 9 }, at(2), at(3)] }],
    ["10.0.0.1:80 drained, 10.0.0.3:80 no longer drained", { drained: new Set(["10.0.0.1:80"]) }],
    ["policy (fall, drain-timeout)", { policy: { ...PLAIN_HEALTH_POLICY, fall: 3, drainTimeoutMs: 1 } }],
    ["init-state up", { initState: "up" }],
    ["unlisted real servers: keep", { unlisted: "keep" }],
    [
      "10.0.0.11:80, 10.0.0.12:80, 10.0.0.13:80, 10.0.0.14:80, 10.0.0.15:80, and 2 more added",
      { realServers: [...BEFORE.realServers, ...[11, 12, 13, 14, 15, 16, 17].map((host) => at(host))] },
    ],
  ])("%s", (told, next) => {
    const change = configurationChange(BEFORE, { ...BEFORE, ...next });
    expect(change && describeConfigurationChange(change)).toBe(told);
  });
});
