import { expect, test } from "bun:test";
import type { LvscareConfig, ProbeConfig, Time, VirtualServerConfig } from "../../../src/config/file/config-types.ts";
import { readConfigObject } from "../../../src/config/file/config-object.ts";
import { VIRTUAL_SERVER_KEYS, PROBE_KEYS } from "../../../src/config/file/file-keys.ts";
import { camelCase } from "../../../src/config/camel-case.ts";

const REAL_SERVERS = ["10.0.0.2:80"];

/** Every key that there is, with a value of each kind that it takes. The compiler checks it, and the reader. */
const everything: LvscareConfig = {
  version: 1,
  httpListen: 9105,
  defaults: { probe: "web", interval: 5, fall: null },
  probes: { web: { type: "http", connectTimeout: "500ms" } },
  virtualServers: [
    {
      name: "a",
      address: "10.0.0.1:80",
      realServers: [...REAL_SERVERS, { address: "10.0.0.3:80", name: "b", weight: 20, drained: true }],
      weight: 10,
      scheduler: "wrr",
      dataPlane: "ipvs",
      initState: "up",
      keepForeign: true,
      interval: "1m30s",
      intervalFast: "1.5s",
      intervalDown: 20,
      fall: 2,
      rise: 3,
      drain: "connections",
      drainTimeout: "1h30m",
      slowStart: "10s",
      panicThreshold: "50%",
      lastResort: false,
      sentinel: true,
      sentinelTimeout: 0.5,
      mode: "link",
      ip: null,
      iface: "lvs0",
      masqueradebit: 3,
      sysctls: "manage",
      strictArp: true,
      checkWay: false,
      suspicion: false,
      persistence: { timeout: "5m", prefix: 24, prefixIpv6: 64 },
      probe: {
        type: "http",
        host: "example.org",
        scheme: "https",
        path: "/ready",
        method: "POST",
        body: "{}",
        headers: { "X-One": "1", "X-More": ["2", "3"], "X-None": null },
        bearerTokenFile: "/run/token",
        headersFile: "/run/headers",
        expect: {
          status: [204, "404", "200-202"],
          header: { "X-Role": "^primary$" },
          body: { contains: "ok", not: { regex: "fail(ed|ing)" } },
        },
        tls: { verify: "full" },
        timeout: "3s",
        connectTimeout: "1s",
        freshConnection: true,
        address: "10.0.0.9",
        port: 9000,
        drainOn: [404, "410-419"],
        failAtOnce: 503,
        followRedirects: "no",
        sendState: true,
        source: "10.0.0.8",
        mark: 17,
      },
    },
    {
      address: "10.0.0.1:81",
      realServers: REAL_SERVERS,
      probe: {
        type: "tcp",
        send: "PING\r\n",
        sendHex: null,
        expect: { contains: "+PONG", startsWith: null, regex: null, hex: null, within: 64 },
        tls: {
          caFile: "/ca.pem",
          certFile: "/check.pem",
          keyFile: "/check.key",
          serverName: "a.example",
          alpn: "redis",
          minDaysLeft: 0,
        },
      },
    },
    {
      address: "10.0.0.1:82",
      realServers: REAL_SERVERS,
      probe: {
        type: "tls",
        verify: "ca",
        caFile: "/ca.pem",
        certFile: "/check.pem",
        keyFile: "/check.key",
        serverName: "a.example",
        alpn: ["h2", "http/1.1"],
        minDaysLeft: 14,
      },
    },
    {
      address: "10.0.0.1:83",
      realServers: REAL_SERVERS,
      probe: {
        type: "kube-apiserver",
        kubeconfig: "/etc/kubernetes/kubelet.conf",
        unauthorized: "fail",
        ignore: ["etcd"],
        livez: false,
      },
    },
    {
      address: "10.0.0.1:84",
      realServers: REAL_SERVERS,
      probe: {
        type: "exec",
        command: ["/usr/local/bin/pg-role", "primary"],
        exitCode: "health",
        output: "json",
        user: "postgres",
        environment: { PGUSER: "check" },
        directory: "/",
        timeout: "3s",
      },
    },
    {
      address: "10.0.0.1:85",
      realServers: [
        "10.0.0.2:80",
        { address: "10.0.0.3:80", probes: { any: ["web", { type: "tcp", name: "plain" }] } },
      ],
      probe: { type: "agent", address: "10.0.0.9", port: 9777, send: "web\n", staleAfter: "1m", interval: "5s" },
    },
    {
      address: "10.0.0.1:87",
      realServers: ["10.0.0.2:80"],
      probe: { type: "http", scheme: "http", basicAuthFile: "/run/password" },
    },
    {
      address: "10.0.0.1:86",
      realServers: ["10.0.0.2:80"],
      probes: { atLeast: 2, of: ["web", { type: "tcp", fall: 3, rise: 2, intervalFast: "1s", intervalDown: "9s" }] },
    },
  ],
};

test("every option of a file has its type, and its value is read as a file's", () => {
  const { config, warnings } = readConfigObject(everything);
  expect(warnings).toEqual([]);
  expect(config.virtualServers.map(({ probe }) => probe.type)).toEqual([
    "http",
    "tcp",
    "tls",
    "kube-apiserver",
    "exec",
    "agent",
    "http",
    "combination",
  ]);
  expect(config.virtualServers[0]).toMatchObject({
    name: "a",
    initState: "up",
    policy: { intervalMs: 90_000, fastIntervalMs: 1500, drainTimeoutMs: 5_400_000, panicThreshold: 50 },
    probe: {
      headers: [
        ["Host", "example.org"],
        ["X-One", "1"],
        ["X-More", "2"],
        ["X-More", "3"],
      ],
      timeoutMs: 3000,
      expectHeaders: [["x-role", "^primary$"]],
      expectBody: { contains: "ok", not: { regex: "fail(ed|ing)" } },
      drainOn: [
        [404, 404],
        [410, 419],
      ],
      failAtOnce: [[503, 503]],
    },
  });
  const [virtualServer] = everything.virtualServers;
  const keys = (value: object | string | null | undefined): string[] => Object.keys(Object(value));
  expect(keys(virtualServer)).toEqual(expect.arrayContaining([...VIRTUAL_SERVER_KEYS.keys()].map(camelCase)));
  const ofProbes = everything.virtualServers.flatMap((one) => keys("probe" in one ? one.probe : undefined));
  expect(ofProbes).toEqual(expect.arrayContaining([...PROBE_KEYS.keys()].map(camelCase)));
});

test("the compiler refuses what a file may not say", () => {
  const common = { address: "10.0.0.1:80", realServers: REAL_SERVERS };
  const servers: readonly VirtualServerConfig[] = [
    // @ts-expect-error HAProxy's word
    { ...common, scheduler: "leastconn" },
    // @ts-expect-error no such plane
    { ...common, dataPlane: "xdp" },
    // @ts-expect-error a file's key
    { ...common, "panic-threshold": 50 },
    // @ts-expect-error a share is no fraction in words
    { ...common, panicThreshold: "half" },
    // @ts-expect-error a whole number
    { ...common, fall: "2" },
    // @ts-expect-error no time
    { ...common, interval: "fast" },
    // @ts-expect-error no text for a boolean
    { ...common, lastResort: "false" },
    // @ts-expect-error a misspelt key
    { ...common, realServer: REAL_SERVERS },
    // @ts-expect-error no probe
    { ...common, realServers: [{ address: "10.0.0.2:80", probe: 1 }] },
    // @ts-expect-error a file's key
    { ...common, probes: { "at-least": 1, of: ["web"] } },
  ];
  const probes: readonly ProbeConfig[] = [
    // @ts-expect-error there is no other type yet
    { type: "smtp" },
    // @ts-expect-error a flag's name
    { type: "http", healthPath: "/" },
    // @ts-expect-error one of two words
    { type: "http", tls: { verify: true } },
    // @ts-expect-error no range
    { type: "http", expect: { status: ["2xx"] } },
  ];
  // @ts-expect-error a unit that there is not
  const time: Time = "5 seconds";
  // @ts-expect-error a named probe has a type
  const config: LvscareConfig = { probes: { web: { path: "/" } }, virtualServers: [] };

  const refused = (one: unknown): boolean => {
    try {
      readConfigObject(one);
      return false;
    } catch {
      return true;
    }
  };
  // The reader is of one mind with the compiler.
  const probe = { type: "http" };
  for (const one of servers) expect(refused({ defaults: { probe }, virtualServers: [one] })).toBe(true);
  for (const one of probes) expect(refused({ virtualServers: [{ ...common, probe: one }] })).toBe(true);
  expect(refused({ virtualServers: [{ ...common, probe, interval: time }] })).toBe(true);
  expect(refused({ ...config, virtualServers: [{ ...common, probe }] })).toBe(true);
  expect(refused({ virtualServers: [{ ...common, probe }] })).toBe(false);
});
