import { expect, test } from "bun:test";
import Ajv from "ajv/dist/2020.js";
import fc from "fast-check";
import { CARE_OPTION_ROWS } from "../../../src/config/care-option-rows.ts";
import type { CareOptions } from "../../../src/config/care-options.ts";
import { fileFromFlags } from "../../../src/config/file/from-flags.ts";
import { configSchema } from "../../../src/config/file/schema.ts";
import { readArgv } from "../../../src/config/read-argv.ts";
import { resolveCareOptions } from "../../../src/config/resolve-care-options.ts";
import { UsageError } from "../../../src/config/usage-error.ts";
import { SCHEDULERS } from "../../../src/domain/virtual-server.ts";
import { renderYaml } from "../../../src/manifest/yaml.ts";
import { renderConfigTypes } from "../../../tasks/build/config-types.ts";
import { CONFIG_TYPES_FILE, SCHEMA_FILE, schemaText } from "../../../tasks/schema.ts";
import { read } from "./problems-in.ts";

const isValid = new Ajv({ allowUnionTypes: true }).compile(configSchema());

const time = fc.constantFrom("1", "5", "500ms", "1.5s", "1m30s", "2m");
const duration = fc.constantFrom("250ms", "3s", "10s", "1m", "1.5s");
const boolean = fc.constantFrom("", "=true", "=false", "=0", "=T");
const text = fc.string({ unit: fc.constantFrom(..."aZ09 /:#-?&%'\"[]{}!*|>@`,=äö\\~".split("")), maxLength: 12 });
const token = fc.string({ unit: fc.constantFrom(..."aZx-_!#$.~".split("")), minLength: 1, maxLength: 8 });
const host = fc
  .tuple(fc.constantFrom("10.0.0.", "192.168.1."), fc.integer({ min: 2, max: 250 }))
  .map((parts) => parts.join(""));

/** Values that flags take, or nearly always do. */
const VALUES = new Map<string, fc.Arbitrary<string>>([
  ["weight", fc.integer({ min: 1, max: 65_535 }).map(String)],
  ["scheduler", fc.constantFrom(...SCHEDULERS)],
  ["data-plane", fc.constantFrom("auto", "ipvs", "userspace")],
  ["init-state", fc.constantFrom("down", "up")],
  ["interval", time],
  ["interval-fast", time],
  ["interval-down", time],
  ["fall", fc.integer({ min: 1, max: 1000 }).map(String)],
  ["rise", fc.integer({ min: 1, max: 1000 }).map(String)],
  ["drain", fc.constantFrom("next-check", "connections")],
  ["drain-timeout", duration],
  ["slow-start", fc.oneof(time, fc.constant("0"))],
  [
    "panic-threshold",
    fc.tuple(fc.integer({ min: 0, max: 100 }), fc.constantFrom("", "%")).map((parts) => parts.join("")),
  ],
  ["health-path", text],
  ["health-schem", fc.constantFrom("http", "https", "tcp", "tls", "kube-apiserver")],
  ["health-ca-file", fc.constantFrom("/etc/ca.pem", "ca.pem")],
  ["health-token-file", fc.constant("/run/token")],
  ["kubeconfig", fc.constant("/etc/kubernetes/kubelet.conf")],
  ["health-cert-file", fc.constant("/etc/client.pem")],
  ["health-key-file", fc.constant("/etc/client.key")],
  ["health-req-method", fc.oneof(token, fc.constant(""))],
  ["health-req-body", fc.oneof(text, fc.string({ unit: "binary", maxLength: 5 }))],
  [
    "health-req-headers",
    fc.tuple(fc.oneof(token, fc.constantFrom("Host", "host")), text).map((pair) => pair.join("=")),
  ],
  ["health-status", fc.integer({ min: 100, max: 999 }).map(String)],
  ["health-timeout", duration],
  ["health-connect-timeout", duration],
  ["sentinel-timeout", duration],
  ["mode", fc.constantFrom("route", "link", "none", "")],
  ["ip", host],
  ["iface", fc.constantFrom("lvscare", "dummy0", "007", "no", "~")],
  ["masqueradebit", fc.integer({ min: 0, max: 31 }).map(String)],
  ["sysctls", fc.constantFrom("manage", "keep")],
  ["logger", fc.constantFrom("INFO", "DEBG", "debug", "info")],
  ["log-format", fc.constantFrom("text", "json")],
  ["max-concurrent-checks", fc.integer({ min: 1, max: 4096 }).map(String)],
  ["checks-per-server", fc.constantFrom("50/s", "0.25/s", "50")],
  ["cluster-nodes", fc.integer({ min: 1, max: 100_000 }).map(String)],
  ["cache-directory", fc.constantFrom("/var/lib/lvscare", "/srv/cache")],
  [
    "discover",
    fc.constantFrom("kubernetes", "kubernetes:default/kubernetes", "kubernetes:shop/web", "kubernetes:web", "file:/m"),
  ],
  ["http-listen", fc.constantFrom("9105", "0.0.0.0:9105", "[::1]:9105", "127.0.0.1:80")],
]);

const ONCE: readonly string[] = ["vs", "rs", "run-once", "clean"];
const options = CARE_OPTION_ROWS.filter(({ flag }) => !ONCE.includes(flag)).map(({ flag, kind }) => {
  const values = kind === "boolean" ? boolean : VALUES.get(flag);
  if (values === undefined) throw new Error(`no values of --${flag} are known here`);
  return values.map((value) => (kind === "boolean" ? `--${flag}${value}` : `--${flag}=${value}`));
});
const argv = fc
  .tuple(
    fc.array(fc.oneof(...options), { maxLength: 14 }),
    fc.uniqueArray(host, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([flags, hosts, isIpv6]) => [
    ...(isIpv6 ? ["--vs=[fd00::1]:443"] : ["--vs=10.9.9.9:443"]),
    ...hosts.map((one) => (isIpv6 ? `--rs=[fd00::${one.split(".").at(-1)}:1]:443` : `--rs=${one}:443`)),
    ...flags,
  ]);

test("a file from flags means what they mean, and the schema allows it", async () => {
  let files = 0;
  await fc.assert(
    fc.asyncProperty(argv, async (line) => {
      const options = resolved(line);
      if (options === undefined) return;
      const data = fileFromFlags(readArgv(line, CARE_OPTION_ROWS).given);
      expect(isValid(data) ? [] : isValid.errors).toEqual([]);
      for (const text of [renderYaml(data), JSON.stringify(data)]) {
        const { reading, lines } = await read(text);
        expect(lines.filter((one) => one.includes(": error: "))).toEqual([]);
        const { virtualServers = [], ...process } = reading.config ?? {};
        expect({ ...virtualServers[0], ...process, runOnce: false, clean: false }).toEqual(asKeys(options));
      }
      files++;
    }),
    { numRuns: 250, examples: [[["--vs=10.9.9.9:443", "--rs=10.0.0.2:443", "--health-req-headers=Host=,9="]]] },
  );
  expect(files).toBeGreaterThan(100);
});

test("holds no more than differs from the defaults", () => {
  const lines = CARE_OPTION_ROWS.flatMap((row) => ("default" in row ? [`--${row.flag}=${row.default}`] : []));
  const given = readArgv(
    ["--vs", "10.0.0.1:80", "--rs", "10.0.0.2:80", "--interval-fast", "5", ...lines],
    CARE_OPTION_ROWS,
  ).given;
  expect(fileFromFlags(given)).toEqual({
    version: 1,
    "virtual-servers": [{ address: "10.0.0.1:80", probe: { type: "http" }, "real-servers": ["10.0.0.2:80"] }],
  });
});

test("every option that a virtual server or the process has is in a file", () => {
  const without = CARE_OPTION_ROWS.filter((row) => !("inFile" in row)).map(({ flag }) => flag);
  // It has keys of its own there.
  expect<readonly string[]>(without.filter((flag) => flag !== "discover")).toEqual(ONCE);
});

test("whole numbers end in a file where the schema says", async () => {
  for (const row of CARE_OPTION_ROWS) {
    if (!("inFile" in row) || !("bounds" in row.inFile)) continue;
    const [least, most] = row.inFile.bounds;
    for (const [value, isGood] of [
      [least, true],
      [most, true],
      [least - 1, false],
      [most + 1, false],
    ] as const) {
      const isOfProcess = row.inFile.place === "process";
      const virtualServer = { address: "10.0.0.1:80", probe: { type: "http" }, "real-servers": ["10.0.0.2:80"] };
      const data = {
        version: 1,
        "virtual-servers": [{ ...virtualServer, ...(!isOfProcess && { [row.flag]: value }) }],
        ...(isOfProcess && { [row.flag]: value, "checks-per-server": "50/s" }),
      };
      const { reading } = await read(JSON.stringify(data));
      expect([row.flag, value, reading.config !== undefined, isValid(data)]).toEqual([row.flag, value, isGood, isGood]);
    }
  }
});

test("the schema is published as `bun run schema` writes it, and so are the SDK's types of it", async () => {
  expect(await Bun.file(SCHEMA_FILE).text()).toBe(schemaText());
  expect(await Bun.file(CONFIG_TYPES_FILE).text()).toBe(renderConfigTypes());
});

/** With headers in the order that an object's keys have: names that are whole numbers come first. */
function asKeys(options: CareOptions): CareOptions {
  const { probe } = options;
  if (!("headers" in probe)) return options;
  const rank = ([name]: readonly [string, string]): number => (/^(?:0|[1-9]\d*)$/.test(name) ? Number(name) : Infinity);
  const headers = probe.headers.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  return { ...options, probe: { ...probe, headers } };
}

function resolved(line: readonly string[]): CareOptions | undefined {
  try {
    return resolveCareOptions(readArgv(line, CARE_OPTION_ROWS), {});
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
