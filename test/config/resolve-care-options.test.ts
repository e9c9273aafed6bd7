import { describe, expect, test } from "bun:test";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { problemsOf, resolveArgv, SERVERS } from "./resolve-line.ts";

describe("required flags", () => {
  test("--vs and --rs are missed in the Go program's words", () => {
    expect(problemsOf([])).toEqual(['required flag(s) "vs" not set', 'required flag(s) "rs" not set']);
    expect(problemsOf(["--vs", "10.0.0.1:80"])).toEqual(['required flag(s) "rs" not set']);
    expect(problemsOf(["--vs", "", "--rs", " "])).toEqual([
      'required flag(s) "vs" not set',
      'required flag(s) "rs" not set',
    ]);
  });

  test("to clean up takes no real server, run-once or not", () => {
    expect(problemsOf(["--vs", "10.0.0.1:80", "-C"])).toEqual([]);
    expect(resolveArgv(["--vs", "10.0.0.1:80", "-C", "--run-once"])).toMatchObject({ clean: true, runOnce: true });
  });

  test("a flag that came without its value is not missed a second time", () => {
    expect(problemsOf(["--rs", "--vs"])).toEqual(["flag --rs needs a value", "flag --vs needs a value"]);
  });
});

describe("families", () => {
  test("IPv6 goes with IPv6", () => {
    const { service, realServers } = resolveArgv(["--vs", "[fd00:0::1]:80", "--rs", "[fd00::2]:80", "--mode", ""]);
    expect(formatEndpoint(service.endpoint)).toBe("[fd00::1]:80");
    expect(service.persistencePrefix).toBe(128);
    expect(realServers.map(({ endpoint }) => formatEndpoint(endpoint))).toEqual(["[fd00::2]:80"]);
  });

  test("only a proxy bridges them", () => {
    const argv = ["--vs", "10.0.0.1:80", "--rs", "[fd00::2]:80"];
    expect(problemsOf(argv)).toEqual(['--rs: "[fd00::2]:80" is IPv6 but the virtual server is IPv4']);
    expect(problemsOf([...argv, "--data-plane", "userspace"])).toEqual([]);
  });

  test("only a proxy listens on every address", () => {
    const argv = ["--vs", "0.0.0.0:80", "--rs", "10.0.0.2:80"];
    expect(problemsOf([...argv, "--data-plane", "ipvs"])).toHaveLength(1);
    expect(problemsOf([...argv, "--data-plane", "userspace"])).toEqual([]);
  });

  test("a virtual server of one link only is refused", () => {
    expect(problemsOf(["--vs", "[fe80::1]:80", "--rs", "[fd00::2]:80"])).toEqual([
      '--vs: "[fe80::1]:80" is an address of one link only; use one that is good everywhere',
    ]);
  });

  test("the gateway's matters in route mode only", () => {
    expect(problemsOf([...SERVERS, "--ip", "fd00::9", "--mode", "link"])).toEqual([]);
  });
});

test("strict ARP is made of settings, which must not be left alone then", () => {
  expect(problemsOf([...SERVERS, "--strict-arp", "--sysctls", "keep"])).toEqual([
    "--strict-arp: consists of kernel settings, which --sysctls keep leaves alone",
  ]);
});

test("connecting gets the least of its own time, the whole check's and the interval", () => {
  const connectTimeout = (...argv: readonly string[]): number | undefined => {
    const { probe } = resolveArgv([...SERVERS, ...argv]);
    return "connectTimeoutMs" in probe ? probe.connectTimeoutMs : undefined;
  };
  expect(connectTimeout()).toBe(3000);
  expect(connectTimeout("--health-timeout", "2s")).toBe(2000);
  expect(connectTimeout("--interval", "1")).toBe(1000);
  expect(connectTimeout("--health-connect-timeout", "1m")).toBe(5000);
});

test("every problem is reported, one line each", () => {
  expect(problemsOf(["--vs", "a", "--heath-path", "/", "--interval", "1.5", "--health-status", "1,2\n"])).toEqual([
    "unknown flag --heath-path; did you mean --health-path?",
    '--vs: "a" is not an address with a port; write it as IP:port',
    'required flag(s) "rs" not set',
    '--interval: "1.5" is not an interval; write whole seconds like 5 or a duration like 1.5s',
    '--health-status: "1" is not a whole number from 100 to 999',
    '--health-status: "2" is not a whole number from 100 to 999',
  ]);
});

test("what a terminal would obey is shown instead of sent", () => {
  expect(problemsOf([...SERVERS, "--mode", "\u001B[2J\nx\u202E"])).toEqual([
    '--mode: "\\x1b[2J\\nx\\u202e" is not one of route, link, none',
  ]);
});

test("repeated flags add up where they are lists and the last wins where they are not", () => {
  const options = resolveArgv([
    ...SERVERS,
    "--rs=10.0.0.3:80",
    "--mode=link",
    "--mode=route",
    "--run-once",
    "--run-once=false",
  ]);
  expect(options.realServers).toHaveLength(2);
  expect(options.reach.mode).toBe("route");
  expect(options.runOnce).toBe(false);
});

test("a slow start needs a scheduler that heeds weights, and a weight to climb to", () => {
  const flags = ["--slow-start=30s", "--scheduler=wrr"];
  expect(problemsOf([...SERVERS, ...flags])).toEqual([
    "--slow-start: a weight of 1 leaves nothing to climb; give --weight 10 or more",
  ]);
  expect(resolveArgv([...SERVERS, ...flags, "--weight=10"]).policy.slowStartMs).toBe(30_000);
});

test("headers of several flags are one map", () => {
  const flags = ["X-A=1", "X-B=2", "X-A=3"].map((pair) => `--health-req-headers=${pair}`);
  expect(resolveArgv([...SERVERS, ...flags]).probe).toMatchObject({
    headers: [
      ["X-A", "3"],
      ["X-B", "2"],
    ],
  });
});

describe("a check that asks for no page", () => {
  test("refuses what it has no use for, by name", () => {
    const flags = ["--health-schem=tcp", "--health-path=/", "--health-ca-file=/ca.pem"];
    expect(problemsOf([...SERVERS, ...flags])).toEqual([
      "--health-path: --health-schem tcp has no use for it",
      "--health-ca-file: --health-schem tcp has no use for it",
    ]);
    expect(problemsOf([...SERVERS, "--health-schem=tls", "--health-status=401"])).toEqual([
      "--health-status: --health-schem tls has no use for it",
    ]);
  });

  test("has its own options alone", () => {
    const times = { timeoutMs: 2000, connectTimeoutMs: 2000 };
    expect(problemsOf([...SERVERS, "--health-schem=kube-apiserver", "--health-path=/", "--kubeconfig=a.conf"])).toEqual(
      ["--health-path: --health-schem kube-apiserver has no use for it", '--kubeconfig: "a.conf" is no absolute path'],
    );
    const tcp = ["--health-schem=tcp", "--health-timeout=2s"];
    const plain = { type: "tcp", sendHex: "", expect: undefined, tls: undefined, ...times } as const;
    expect(resolveArgv([...SERVERS, ...tcp]).probe).toEqual(plain);
    const tls = ["--health-schem=tls", "--health-ca-file=/ca.pem", "--health-cert-file=/both.pem"];
    expect(resolveArgv([...SERVERS, ...tls]).probe).toMatchObject({
      type: "tls",
      tls: { verify: "full", caFile: "/ca.pem", certFile: "/both.pem", keyFile: "/both.pem" },
    });
  });
});

test("an authority to trust goes with no flag that trusts anybody", () => {
  const flags = ["--health-ca-file=/ca.pem", "--health-insecure-skip-verify=true"];
  expect(problemsOf([...SERVERS, ...flags])).toEqual([
    "--health-ca-file: --health-insecure-skip-verify trusts anybody",
  ]);
});
