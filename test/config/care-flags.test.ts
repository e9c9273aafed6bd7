import { describeSource } from "../../src/config/discover-options.ts";
import { describe, expect, test } from "bun:test";
import { CARE_OPTION_ROWS, type CareFlag } from "../../src/config/care-option-rows.ts";
import type { CareOptions, HttpProbeOptions, ProbeOptions } from "../../src/config/care-options.ts";
import { variableNames } from "../../src/config/read-environment.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { SCHEDULERS } from "../../src/domain/virtual-server.ts";
import { problemsOf, resolveArgv, SERVERS } from "./resolve-line.ts";

interface FlagCase {
  readonly pick: (options: CareOptions) => unknown;
  /** What it is when nobody gives it; absent where it must be given. */
  readonly default?: unknown;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  /** Values and what is said about them, after the flag's name. */
  readonly bad: readonly (readonly [text: string, problem: string])[];
}

const boolean = {
  good: [
    ["true", true],
    ["T", true],
    ["1", true],
    ["false", false],
    ["0", false],
  ],
  bad: [
    ["yes", '"yes" is neither true nor false'],
    ["", '"" is neither true nor false'],
  ],
} as const;
const timeouts = {
  good: [
    ["1s", 1000],
    ["1500ms", 1500],
    ["1m", 5000],
    ["1ms", 1],
  ],
  bad: [
    ["10", '"10" has no unit; write 10s for seconds'],
    ["0", '"0" is too short; the least is 1ms'],
    ["0s", '"0s" is too short; the least is 1ms'],
    ["-1s", '"-1s" is negative'],
    ["25h", '"25h" is too long; the most is 24h'],
    ["soon", '"soon" is not a duration; write it like 500ms, 5s or 1m30s'],
  ],
} as const;

const absolutePath = {
  good: [["/etc/ca.pem", "/etc/ca.pem"]],
  bad: [["ca.pem", '"ca.pem" is no absolute path']],
} as const;

const cases: Record<CareFlag, FlagCase> = {
  "health-ca-file": { pick: ({ probe }) => http(probe).tls.caFile, default: undefined, ...absolutePath },
  "health-token-file": { pick: ({ probe }) => http(probe).tokenFile, default: undefined, ...absolutePath },
  "health-cert-file": { pick: ({ probe }) => http(probe).tls.certFile, default: undefined, ...absolutePath },
  kubeconfig: {
    pick: ({ probe }) => (probe.type === "kube-apiserver" ? probe.kubeconfig : undefined),
    default: undefined,
    good: [],
    bad: [["/etc/kubelet.conf", "--health-schem https has no use for it"]],
  },
  "health-key-file": {
    pick: ({ probe }) => http(probe).tls.keyFile,
    default: undefined,
    good: [],
    bad: [["/etc/key.pem", "needs --health-cert-file"]],
  },
  vs: {
    pick: ({ service }) => formatEndpoint(service.endpoint),
    good: [["10.9.9.9:6443", "10.9.9.9:6443"]],
    bad: [
      ["host:80", '"host:80" needs an IP address before the port (host names are not resolved)'],
      ["10.0.0.1", '"10.0.0.1" is not an address with a port; write it as IP:port'],
      ["010.0.0.1:80", '"010.0.0.1:80" needs an IPv4 address: four numbers up to 255, without leading zeros'],
      ["10.0.0.1:0", '"10.0.0.1:0" needs a port from 1 to 65535'],
      ["0.0.0.0:80", '"0.0.0.0:80" is no address that the kernel can balance; name the virtual IP'],
    ],
  },
  rs: {
    pick: ({ realServers }) => realServers.map(({ endpoint }) => formatEndpoint(endpoint)),
    // The line these cases add to has one real server already.
    default: ["10.0.0.2:80"],
    good: [
      ["10.0.0.3:80", ["10.0.0.2:80", "10.0.0.3:80"]],
      ["10.0.0.3:80, 10.0.0.4:80", ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"]],
      ['"10.0.0.3:80","10.0.0.4:80"', ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"]],
      ["10.0.0.2:80,10.0.0.2:80", ["10.0.0.2:80"]],
    ],
    bad: [
      ["", "one of them is empty; a real server may have been forgotten"],
      ["[::ffff:10.0.0.3]:80", '"[::ffff:a00:3]:80" is an IPv4 address written as IPv6; write it as IPv4'],
      ["10.0.0.1:80", '"10.0.0.1:80" is the virtual server itself'],
      ["[fd00::1]:80", '"[fd00::1]:80" is IPv6 but the virtual server is IPv4'],
      ["[FEBF::1]:80", '"[febf::1]:80" is an address of one link only; use one that is good everywhere'],
      ["0.0.0.0:80", '"0.0.0.0:80" is no address of a single server'],
      ["224.0.0.1:80", '"224.0.0.1:80" is no address of a single server'],
      ["10.0.0.3:80,", "one of them is empty; a real server may have been forgotten"],
      ['10.0.0.3:80"', "the quotes in entry 1 of the list do not match"],
    ],
  },
  scheduler: {
    pick: ({ service }) => service.scheduler,
    default: "rr",
    good: SCHEDULERS.map((name) => [name, name]),
    bad: [["random", `"random" is not one of ${SCHEDULERS.join(", ")}`]],
  },
  "data-plane": {
    pick: ({ dataPlane }) => dataPlane,
    default: "auto",
    good: [
      ["auto", "auto"],
      ["ipvs", "ipvs"],
      ["userspace", "userspace"],
    ],
    bad: [["kernel", '"kernel" is not one of auto, ipvs, userspace']],
  },
  "init-state": {
    pick: ({ initState }) => initState,
    default: "down",
    good: [
      ["down", "down"],
      ["up", "up"],
    ],
    bad: [["UP", '"UP" is not one of down, up']],
  },
  "keep-foreign": { pick: ({ unlisted }) => unlisted === "keep", default: false, ...boolean },
  weight: {
    pick: ({ realServers }) => realServers.map(({ weight }) => weight),
    default: [1],
    good: [
      ["1", [1]],
      ["65535", [65_535]],
    ],
    bad: [
      ["0", '"0" is not a whole number from 1 to 65535'],
      ["65536", '"65536" is not a whole number from 1 to 65535'],
    ],
  },
  fall: counts(({ policy }) => policy.fall),
  rise: counts(({ policy }) => policy.rise),
  "interval-fast": {
    pick: ({ policy }) => policy.fastIntervalMs,
    default: 5000,
    good: [
      ["1", 1000],
      ["200ms", 200],
    ],
    bad: [
      ["0", '"0" is too short; the least is 10ms'],
      ["6", "it is longer than --interval, which is for calmer times"],
      ["1.5", '"1.5" is not an interval; write whole seconds like 5 or a duration like 1.5s'],
    ],
  },
  "interval-down": {
    pick: ({ policy }) => policy.downIntervalMs,
    default: 5000,
    good: [
      ["30", 30_000],
      ["200ms", 200],
    ],
    bad: [
      ["0", '"0" is too short; the least is 10ms'],
      ["-5", '"-5" is negative'],
    ],
  },
  drain: {
    pick: ({ policy }) => policy.drain,
    default: "next-check",
    good: [
      ["next-check", "next-check"],
      ["connections", "connections"],
    ],
    bad: [["connection", '"connection" is not one of next-check, connections']],
  },
  "drain-timeout": {
    pick: ({ policy }) => policy.drainTimeoutMs,
    default: 60_000,
    good: [["5m", 300_000]],
    bad: [
      ["60", '"60" has no unit; write 60s for seconds'],
      ["0", '"0" is too short; the least is 1ms'],
    ],
  },
  "slow-start": {
    pick: ({ policy }) => policy.slowStartMs,
    default: 0,
    good: [
      ["0", 0],
      ["0s", 0],
    ],
    bad: [
      ["30s", "the scheduler rr heeds no weights; use wrr or wlc"],
      ["-1s", '"-1s" is negative'],
    ],
  },
  "panic-threshold": {
    pick: ({ policy }) => policy.panicThreshold,
    default: 0,
    good: [
      ["50", 50],
      ["50%", 50],
      ["0", 0],
      ["100", 100],
    ],
    bad: [
      ["101", '"101" is not a whole number from 0 to 100'],
      ["half", '"half" is not a whole number from 0 to 100'],
    ],
  },
  "last-resort": { pick: ({ policy }) => policy.lastResort, default: true, ...boolean },
  sentinel: { pick: ({ probe }) => http(probe).sentinel, default: true, ...boolean },
  "health-fresh-connection": { pick: ({ probe }) => http(probe).freshConnection, default: false, ...boolean },
  "sentinel-timeout": {
    pick: ({ probe }) => http(probe).sentinelTimeoutMs,
    default: 300,
    good: [["1s", 1000]],
    bad: [["300", '"300" has no unit; write 300s for seconds']],
  },
  suspicion: { pick: ({ suspicion }) => suspicion, default: true, ...boolean },
  "check-way": { pick: ({ checkWay }) => checkWay, default: true, ...boolean },
  interval: {
    pick: ({ policy }) => policy.intervalMs,
    default: 5000,
    good: [
      ["5", 5000],
      ["1", 1000],
      ["500ms", 500],
      ["1m30s", 90_000],
      ["1.5s", 1500],
      ["10ms", 10],
      ["86400", 86_400_000],
    ],
    bad: [
      ["1.5", '"1.5" is not an interval; write whole seconds like 5 or a duration like 1.5s'],
      ["", '"" is not an interval; write whole seconds like 5 or a duration like 1.5s'],
      ["-5", '"-5" is negative'],
      ["-1ns", '"-1ns" is negative'],
      ["0", '"0" is too short; the least is 10ms'],
      ["0s", '"0s" is too short; the least is 10ms'],
      ["9ms", '"9ms" is too short; the least is 10ms'],
      ["86401", '"86401" is too long; the most is 24h'],
    ],
  },
  "health-path": {
    pick: ({ probe }) => http(probe).path,
    default: "/healthz",
    good: [
      ["/", "/"],
      ["", "/"],
      ["readyz", "/readyz"],
      ["/readyz?verbose&exclude=etcd", "/readyz?verbose&exclude=etcd"],
      ["/a b", "/a%20b"],
      ["/a%20b%zz", "/a%20b%25zz"],
      ["/a#b", "/a%23b"],
      ["/é", "/%C3%A9"],
      ["/\ud800", "/%EF%BF%BD"],
    ],
    bad: [
      ["/a\r\nHost: b", '"/a\\r\\nHost: b" has control characters in it'],
      ["https://10.0.0.1/healthz", '"https://10.0.0.1/healthz" is a URL; give only the path'],
    ],
  },
  "health-schem": {
    pick: ({ probe }) => http(probe).scheme,
    default: "https",
    good: [
      ["http", "http"],
      ["https", "https"],
    ],
    bad: [["ftp", '"ftp" is not one of http, https, tcp, tls, kube-apiserver']],
  },
  "health-req-method": {
    pick: ({ probe }) => http(probe).method,
    default: "GET",
    good: [
      ["HEAD", "HEAD"],
      ["", "GET"],
      ["get", "get"],
      ["X-CHECK", "X-CHECK"],
    ],
    bad: [["GET /", '"GET /" is not an HTTP method']],
  },
  "health-req-body": {
    pick: ({ probe }) => http(probe).body,
    default: "",
    good: [
      ["", ""],
      ["a=b, c\n", "a=b, c\n"],
    ],
    bad: [],
  },
  "health-req-headers": {
    pick: ({ probe }) => http(probe).headers,
    default: [],
    good: [
      ["X-A=1", [["X-A", "1"]]],
      [
        "Accept=a,b",
        [
          ["Accept", "a"],
          ["Accept", "b"],
        ],
      ],
      [
        "X-A=1,X-B=2",
        [
          ["X-A", "1"],
          ["X-B", "2"],
        ],
      ],
      [
        "X-A=1, X-B=2",
        [
          ["X-A", "1"],
          ["X-B", "2"],
        ],
      ],
      [
        '"X-A=1,2",X-B=3',
        [
          ["X-A", "1"],
          ["X-A", "2"],
          ["X-B", "3"],
        ],
      ],
      ["X-A=1,X-A=2", [["X-A", "2"]]],
      ["Authorization=Basic YTpi==", [["Authorization", "Basic YTpi=="]]],
      ["X-Empty=", [["X-Empty", ""]]],
      ["", []],
    ],
    bad: [
      ["Authorization: Bearer secret", '"Authorization…" has no "="; write name=value'],
      ["Authorization: Bearer secret=", '"Authorization…" is not a header name; write name=value'],
      ["=1", '"…" is not a header name; write name=value'],
      ["X-A=1\r\nX-B: 2", 'the value of "X-A" has control characters in it'],
    ],
  },
  "health-status": {
    pick: ({ probe }) => http(probe).acceptStatus,
    default: [],
    good: [
      ["401", [401]],
      ["401,403", [401, 403]],
      ["401, 403,401", [401, 403]],
      ["", []],
    ],
    bad: [
      ["40", '"40" is not a whole number from 100 to 999'],
      ["4xx", '"4xx" is not a whole number from 100 to 999'],
      ["0401", '"0401" is not a whole number from 100 to 999'],
    ],
  },
  "health-insecure-skip-verify": { pick: ({ probe }) => http(probe).tls.verify === "none", default: true, ...boolean },
  "health-timeout": {
    pick: ({ probe }) => probe.timeoutMs,
    default: 10_000,
    good: [
      ["1s", 1000],
      ["1m", 60_000],
      ["1ms", 1],
    ],
    bad: timeouts.bad,
  },
  "health-connect-timeout": {
    // Clipped to the interval, 5 s here.
    pick: ({ probe }) => http(probe).connectTimeoutMs,
    default: 3000,
    ...timeouts,
  },
  mode: {
    pick: ({ reach }) => reach.mode,
    default: "route",
    good: [
      ["route", "route"],
      ["link", "link"],
      ["none", "none"],
      ["", "none"],
    ],
    bad: [["rout", '"rout" is not one of route, link, none']],
  },
  ip: {
    pick: ({ reach }) => reach.gateway,
    default: undefined,
    good: [
      ["192.168.0.9", "192.168.0.9"],
      [" 192.168.0.9 ", "192.168.0.9"],
    ],
    bad: [
      ["node1", '"node1" is not an IP address'],
      ["::ffff:192.168.0.9", '"::ffff:192.168.0.9" is an IPv4 address written as IPv6; write it as IPv4'],
      ["", '"" is not an IP address'],
      ["fd00::9", '"fd00::9" cannot be the gateway to 10.0.0.1: one is IPv4, the other IPv6'],
    ],
  },
  iface: {
    pick: ({ reach }) => reach.iface,
    default: "lvscare",
    good: [
      ["lvs0", "lvs0"],
      ["fifteen-letters", "fifteen-letters"],
    ],
    bad: ["", "sixteen--letters", "a/b", "a b", "eth0:1", ".."].map((name) => [
      name,
      `"${name}" is not an interface name of at most 15 letters`,
    ]),
  },
  sysctls: {
    pick: ({ reach }) => reach.sysctls,
    default: "manage",
    good: [
      ["manage", "manage"],
      ["keep", "keep"],
    ],
    bad: ["off", "Keep", ""].map((text) => [text, `"${text}" is not one of manage, keep`]),
  },
  "strict-arp": { pick: ({ reach }) => reach.strictArp, default: false, ...boolean },
  masqueradebit: {
    pick: ({ reach }) => reach.masqueradeBit,
    default: 0,
    good: [
      ["0", 0],
      ["14", 14],
      ["31", 31],
    ],
    bad: ["32", "-1", "010", "1.0", ""].map((text) => [text, `"${text}" is not a whole number from 0 to 31`]),
  },
  "run-once": { pick: ({ runOnce }) => runOnce, default: false, ...boolean },
  clean: { pick: ({ clean }) => clean, default: false, ...boolean },
  logger: {
    pick: ({ log }) => log.level,
    default: "info",
    good: [
      ["INFO", "info"],
      ["DEBG", "debug"],
      ["DEBUG", "debug"],
      ["debg", "debug"],
      ["info", "info"],
    ],
    bad: [["WARN", '"WARN" is neither INFO nor DEBG']],
  },
  "log-format": {
    pick: ({ log }) => log.format,
    default: "text",
    good: [
      ["text", "text"],
      ["json", "json"],
    ],
    bad: [["xml", '"xml" is not one of text, json']],
  },
  "max-concurrent-checks": {
    pick: ({ budget }) => budget.mostAtOnce,
    default: 256,
    good: [
      ["1", 1],
      ["4096", 4096],
    ],
    bad: [
      ["0", '"0" is not a whole number from 1 to 4096'],
      ["4097", '"4097" is not a whole number from 1 to 4096'],
    ],
  },
  "checks-per-server": {
    pick: ({ budget }) => budget.perServer,
    default: undefined,
    good: [
      ["50/s", { perSecond: 50, nodes: 1, isCounted: true }],
      ["0.5/s", { perSecond: 0.5, nodes: 1, isCounted: true }],
    ],
    bad: [
      ["50", '"50" is no rate such as 50/s'],
      ["0/s", '"0/s" is no rate such as 50/s'],
    ],
  },
  "cluster-nodes": {
    pick: ({ budget }) => budget.perServer?.nodes,
    default: undefined,
    good: [],
    bad: [["0", '"0" is not a whole number from 1 to 100000']],
  },
  discover: {
    pick: ({ discover }) => discover && describeSource(discover.source),
    default: undefined,
    good: [
      ["kubernetes", "service default/kubernetes"],
      ["kubernetes:shop/web", "service shop/web"],
      ["kubernetes:web", "service default/web"],
      ["file:/run/members", "file /run/members"],
    ],
    bad: [
      ["consul", '"consul" is neither kubernetes, kubernetes:namespace/service nor file:/path'],
      ["kubernetes:a/b/c", '"a/b/c" is no service; write namespace/name'],
      ["file:members", '"members" is no absolute path'],
      ["file", '"" is no absolute path'],
      ["", '"" is neither kubernetes, kubernetes:namespace/service nor file:/path'],
    ],
  },
  "cache-directory": {
    pick: ({ cacheDirectory }) => cacheDirectory,
    default: "/var/lib/lvscare",
    good: [["/srv/lvscare", "/srv/lvscare"]],
    bad: [["lvscare", '"lvscare" is no absolute path']],
  },
  "http-listen": {
    pick: ({ httpListen }) => httpListen && formatEndpoint(httpListen),
    default: undefined,
    good: [
      ["9105", "127.0.0.1:9105"],
      ["0.0.0.0:9105", "0.0.0.0:9105"],
      ["[::1]:9105", "[::1]:9105"],
    ],
    bad: [
      ["0", '"0" needs a port from 1 to 65535'],
      [
        ":9105",
        '":9105" names no address; write 9105 or 127.0.0.1:9105 for this host alone, 0.0.0.0:9105 or [::]:9105 for everybody',
      ],
      [
        "*:9105",
        '"*:9105" names no address; write 9105 or 127.0.0.1:9105 for this host alone, 0.0.0.0:9105 or [::]:9105 for everybody',
      ],
      ["localhost:9105", '"localhost:9105" is a name; write 9105 or 127.0.0.1:9105, or [::1]:9105'],
      ["node1:9105", '"node1:9105" needs an IP address before the port (host names are not resolved)'],
      ["127.0.0.1", '"127.0.0.1" is not an address with a port; write it as IP:port'],
      ["[::ffff:127.0.0.1]:9105", '"[::ffff:127.0.0.1]:9105" is an IPv4 address written as IPv6; write it as IPv4'],
    ],
  },
};

describe.each(Object.entries(cases))("--%s", (flag, { pick, good, bad, ...rest }) => {
  // A second virtual server would be one too many.
  const base = flag === "vs" ? SERVERS.slice(2) : SERVERS;

  if ("default" in rest) {
    test("has its default", () => expect(pick(resolveArgv(SERVERS))).toEqual(rest.default));
  }

  test.each(good)("takes %j", (text, value) => {
    expect(pick(resolveArgv([...base, `--${flag}=${text}`]))).toEqual(value);
  });

  test.each(bad)("refuses %j and says why", (text, problem) => {
    expect(problemsOf([...base, `--${flag}=${text}`])).toEqual([`--${flag}: ${problem}`]);
  });

  test("names the variable that a bad value came from", () => {
    const first = bad.find(([text]) => text !== "");
    if (first === undefined) return;
    const [text, problem] = first;
    const others = flag === "rs" ? SERVERS.slice(0, 2) : base;
    for (const name of variableNames(flag)) {
      expect(problemsOf(others, { [name]: text })).toEqual([`${name}: ${problem}`]);
    }
  });
});

test("nodes share what is asked of a server, and there has to be something to share", () => {
  expect(resolveArgv([...SERVERS, "--checks-per-server=50/s", "--cluster-nodes=5000"]).budget.perServer).toEqual({
    perSecond: 50,
    nodes: 5000,
  });
  expect(problemsOf([...SERVERS, "--cluster-nodes=5000"])).toEqual([
    "--cluster-nodes: it divides --checks-per-server, which there is none of",
  ]);
});

test("every default in the table is a value of its flag", () => {
  for (const row of CARE_OPTION_ROWS) {
    if (!("default" in row)) continue;
    const pick = cases[row.flag].pick;
    expect(pick(resolveArgv([...SERVERS, `--${row.flag}=${row.default}`]))).toEqual(pick(resolveArgv(SERVERS)));
  }
});

function counts(pick: FlagCase["pick"]): FlagCase {
  return {
    pick,
    default: 1,
    good: [
      ["1", 1],
      ["3", 3],
    ],
    bad: [
      ["0", '"0" is not a whole number from 1 to 1000'],
      ["two", '"two" is not a whole number from 1 to 1000'],
    ],
  };
}

function http(probe: ProbeOptions): HttpProbeOptions {
  if (probe.type !== "http") throw new Error(`a probe of type ${probe.type}`);
  return probe;
}
