import { describe, expect, test } from "bun:test";
import { CARE_OPTION_ROWS } from "../../src/config/care-option-rows.ts";
import { readArgv } from "../../src/config/read-argv.ts";
import { CARE_ENVIRONMENT_PREFIXES, misspeltVariables, variableNames } from "../../src/config/read-environment.ts";
import { resolveCareOptions } from "../../src/config/resolve-care-options.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { problemsOf, resolveArgv, SERVERS } from "./resolve-line.ts";

describe("precedence", () => {
  const intervalOf = (argv: readonly string[], environment: Record<string, string>): number =>
    resolveArgv([...SERVERS, ...argv], environment).policy.intervalMs;

  test("the command line wins over the environment, which wins over the default", () => {
    expect(intervalOf([], {})).toBe(5000);
    expect(intervalOf([], { CARE_INTERVAL: "2" })).toBe(2000);
    expect(intervalOf(["--interval", "1"], { CARE_INTERVAL: "2" })).toBe(1000);
  });

  test("LVSCARE_ wins over CARE_", () => {
    expect(intervalOf([], { CARE_INTERVAL: "2", LVSCARE_INTERVAL: "3" })).toBe(3000);
  });

  test("an empty variable counts as not set", () => {
    expect(intervalOf([], { CARE_INTERVAL: "", LVSCARE_INTERVAL: "" })).toBe(5000);
    expect(intervalOf([], { CARE_INTERVAL: "2", LVSCARE_INTERVAL: "" })).toBe(2000);
  });

  test("a variable behind a given flag is not even looked at", () => {
    expect(problemsOf([...SERVERS, "--interval", "1"], { CARE_INTERVAL: "nonsense" })).toEqual([]);
  });
});

test("the environment alone can give everything", () => {
  const options = resolveArgv([], {
    CARE_VS: "10.0.0.1:80",
    CARE_RS: "10.0.0.2:80,10.0.0.3:80",
    CARE_RUN_ONCE: "true",
    CARE_HEALTH_SCHEM: "tls",
    CARE_HEALTH_INSECURE_SKIP_VERIFY: "false",
    CARE_LOGGER: "DEBG",
  });
  expect(options).toMatchObject({
    runOnce: true,
    probe: { type: "tls", tls: { verify: "full" } },
    log: { level: "debug" },
  });
  expect(options.realServers).toHaveLength(2);
});

test("a list in the environment does not add to the flag's", () => {
  const { realServers } = resolveArgv(SERVERS, { CARE_RS: "10.0.0.9:80" });
  expect(realServers.map(({ endpoint }) => formatEndpoint(endpoint))).toEqual(["10.0.0.2:80"]);
});

test("a bad boolean is refused by its variable's name", () => {
  expect(problemsOf(SERVERS, { LVSCARE_CLEAN: "maybe" })).toEqual(['LVSCARE_CLEAN: "maybe" is neither true nor false']);
});

test("variables of no option are left alone", () => {
  expect(problemsOf(SERVERS, { CARE_HEATH_PATH: "/", LVSCARE_PORT: "tcp://10.96.0.7:80" })).toEqual([]);
});

describe("remarks on variables", () => {
  const remarksOn = (environment: Record<string, string>): readonly string[] =>
    misspeltVariables(environment, CARE_OPTION_ROWS, CARE_ENVIRONMENT_PREFIXES);

  test("name the one that was meant", () => {
    expect(remarksOn({ CARE_HEALTH_SCHEME: "http", LVSCARE_MASTERS: "10.0.0.2:80" })).toEqual([
      "CARE_HEALTH_SCHEME is not read; did you mean CARE_HEALTH_SCHEM?",
      "LVSCARE_MASTERS is not read; did you mean LVSCARE_RS?",
    ]);
  });

  test("are not made on what Kubernetes sets beside a Service, on short names, on empty ones and on those that are read", () => {
    expect(
      remarksOn({
        LVSCARE_PORT: "tcp://10.96.0.7:6443",
        LVSCARE_PORT_6443_TCP: "tcp://10.96.0.7:6443",
        LVSCARE_PORT_6443_TCP_ADDR: "10.96.0.7",
        LVSCARE_PORT_6443_TCP_PORT: "6443",
        LVSCARE_PORT_6443_TCP_PROTO: "tcp",
        LVSCARE_SERVICE_HOST: "10.96.0.7",
        LVSCARE_SERVICE_PORT: "6443",
        LVSCARE_SERVICE_PORT_HTTPS: "6443",
        LVSCARE_NODE_IP: "10.0.0.9",
        LVSCARE_ID: "7",
        LVSCARE_: "7",
        CARE_HEALTH_SCHEME: "",
        HEALTH_SCHEME: "http",
        ...Object.fromEntries(CARE_OPTION_ROWS.flatMap(({ flag }) => variableNames(flag)).map((name) => [name, "x"])),
      }),
    ).toEqual([]);
  });
});

describe("LVSCARE_NODE_IP", () => {
  const gatewayOf = (argv: readonly string[], environment: Record<string, string>): string | undefined =>
    resolveArgv([...SERVERS, ...argv], environment).reach.gateway;

  test("stands in for --ip", () => {
    expect(gatewayOf([], { LVSCARE_NODE_IP: "192.168.0.9" })).toBe("192.168.0.9");
    expect(gatewayOf([], { LVSCARE_NODE_IP: "" })).toBeUndefined();
    expect(gatewayOf([], { LVSCARE_NODE_IP: "192.168.0.9", CARE_IP: "192.168.0.8" })).toBe("192.168.0.8");
    expect(gatewayOf(["--ip", "192.168.0.7"], { LVSCARE_NODE_IP: "nonsense" })).toBe("192.168.0.7");
  });

  test("is named when it is bad", () => {
    expect(problemsOf(SERVERS, { LVSCARE_NODE_IP: "node1" })).toEqual([
      'LVSCARE_NODE_IP: "node1" is not an IP address',
    ]);
  });
});

test("another command has prefixes of its own", () => {
  expect(variableNames("health-path", ["IPVS_"])).toEqual(["IPVS_HEALTH_PATH"]);
  const environment = { IPVS_INTERVAL: "2", CARE_INTERVAL: "3" };
  expect(resolveCareOptions(readArgv(SERVERS, CARE_OPTION_ROWS), environment, ["IPVS_"]).policy.intervalMs).toBe(2000);
});
