import { expect, test } from "bun:test";
import type { CareOptions, HttpProbeOptions } from "../../src/config/care-options.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { PLAIN_HEALTH_POLICY } from "../../src/domain/health-policy.ts";
import { realServer, virtualServer } from "../../src/domain/virtual-server.ts";
import { resolveArgv } from "./resolve-line.ts";

const PROBE: HttpProbeOptions = {
  type: "http",
  scheme: "https",
  path: "/healthz",
  method: "GET",
  body: "",
  headers: [],
  tokenFile: undefined,
  headersFile: undefined,
  acceptStatus: [],
  expectHeaders: [],
  expectBody: undefined,
  drainOn: [],
  failAtOnce: [],
  followRedirects: true,
  tls: {
    verify: "none",
    caFile: undefined,
    certFile: undefined,
    keyFile: undefined,
    serverName: undefined,
    alpn: [],
  },
  timeoutMs: 10_000,
  connectTimeoutMs: 3000,
  sentinel: true,
  sentinelTimeoutMs: 300,
  sentinelWorthMs: 1250,
  freshConnection: false,
};

const DEFAULTS: Omit<CareOptions, "service" | "realServers"> = {
  name: undefined,
  realServerNames: new Map(),
  drained: new Set(),
  policy: PLAIN_HEALTH_POLICY,
  dataPlane: "auto",
  initState: "down",
  unlisted: "remove",
  runOnce: false,
  clean: false,
  reach: { mode: "route", iface: "lvscare", gateway: undefined, sysctls: "manage", masqueradeBit: 0, strictArp: false },
  probe: PROBE,
  log: { level: "info", format: "text" },
  checkWay: true,
  suspicion: true,
  httpListen: undefined,
  budget: { mostAtOnce: 256, perServer: undefined },
  cacheDirectory: "/var/lib/lvscare",
};

const lines: readonly (readonly [line: string, expected: CareOptions])[] = [
  [
    "lvscare care --vs 10.103.97.12:6443 --rs 192.168.0.2:6443 --rs 192.168.0.3:6443 --rs 192.168.0.4:6443 --interval 5 --mode route",
    {
      ...DEFAULTS,
      service: service("10.103.97.12:6443"),
      realServers: servers("192.168.0.2:6443", "192.168.0.3:6443", "192.168.0.4:6443"),
    },
  ],
  [
    "lvscare care --vs 169.254.0.1:80 --rs 127.0.0.1:8081 --rs 127.0.0.1:8082 --rs 127.0.0.1:8083 --logger DEBG --health-schem http --health-path /",
    {
      ...DEFAULTS,
      service: service("169.254.0.1:80"),
      realServers: servers("127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"),
      log: { level: "debug", format: "text" },
      probe: { ...PROBE, scheme: "http", path: "/" },
    },
  ],
  [
    "lvscare care --vs 169.254.0.1:80 --logger DEBG -C",
    {
      ...DEFAULTS,
      service: service("169.254.0.1:80"),
      realServers: [],
      clean: true,
      log: { level: "debug", format: "text" },
    },
  ],
  [
    // As the static pod runs it.
    "lvscare care --vs 10.103.97.2:6443 --health-path /healthz --health-schem https --rs 192.168.0.2:6443 --rs 192.168.0.3:6443 --health-status 401",
    {
      ...DEFAULTS,
      service: service("10.103.97.2:6443"),
      realServers: servers("192.168.0.2:6443", "192.168.0.3:6443"),
      probe: { ...PROBE, acceptStatus: [401] },
    },
  ],
];

test.each(lines)("%s", (line, expected) => {
  const [program, command, ...argv] = line.split(" ");
  expect([program, command]).toEqual(["lvscare", "care"]);
  expect(resolveArgv(argv)).toEqual(expected);
});

function service(address: string): CareOptions["service"] {
  return virtualServer({ protocol: "tcp", endpoint: parseEndpoint(address) }, "rr");
}

function servers(...addresses: readonly string[]): CareOptions["realServers"] {
  return addresses.map((address) => realServer(parseEndpoint(address)));
}
