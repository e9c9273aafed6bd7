import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { schemaText } from "../../tasks/schema.ts";
import { linesOf } from "../kernel/support/line-process.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { ALIVE } from "./care-program.ts";
import { LVSCARE, refusal, runProgram } from "./run-program.ts";
import { certificateAuthority } from "../probe/http/support/certificates.ts";

setDefaultTimeout(120_000);

const GOOD =
  "version: 1\nvirtual-servers: [{address: 10.0.0.1:80, probe: {type: http}, real-servers: [10.0.0.2:80]}]\n";
const WARNED = GOOD.replace("10.0.0.2:80]", "{address: 10.0.0.2:80, weight: 3}]");
const BAD = GOOD.replace("probe", "fall: 0, porbe");

let folder: string;
let good: string;
let warned: string;
let bad: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lvscare-config-"));
  [good, warned, bad] = ["good", "warned", "bad"].map((name) => join(folder, `${name}.yaml`)) as [
    string,
    string,
    string,
  ];
  await Promise.all([Bun.write(good, GOOD), Bun.write(warned, WARNED), Bun.write(bad, BAD)]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("lvscare check-config", () => {
  const warning =
    "2:109: warning: virtual-servers[0].real-servers[0].weight: rr heeds no weights: 3 acts as 1; wrr would heed them";

  test("tells that a file is good", async () => {
    expect(await runProgram(["check-config", good])).toEqual({
      code: 0,
      stdout: `${good}: good, with 1 virtual server and 1 real server\n`,
      stderr: "",
    });
  });

  test("tells what is wrong, where, and exits with 1", async () => {
    const { code, stdout, stderr } = await runProgram(["check-config", bad]);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout.trimEnd().split("\n")).toEqual([
      `${bad}:2:48: error: virtual-servers[0].fall: 0 is less than 1`,
      `${bad}:2:51: error: virtual-servers[0].porbe: unknown key porbe; did you mean probe?`,
    ]);
  });

  test("counts warnings with --strict alone", async () => {
    const [lenient, strict] = [
      await runProgram(["check-config", warned]),
      await runProgram(["check-config", warned, "--strict"]),
    ];
    expect([lenient.code, strict.code]).toEqual([0, 1]);
    expect(lenient.stdout).toBe(`${warned}:${warning}\n${warned}: good, with 1 virtual server and 1 real server\n`);
  });

  test("tells programs in JSON, a line each", async () => {
    const { code, stdout } = await runProgram(["check-config", bad, "--format", "json", "--offline"]);
    expect(code).toBe(1);
    const [first, second] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(first).toEqual({
      file: bad,
      line: 2,
      column: 48,
      path: "virtual-servers[0].fall",
      severity: "error",
      code: "range",
      message: "0 is less than 1",
    });
    expect(second).toMatchObject({ code: "unknown", hint: "did you mean probe?" });
    expect((await runProgram(["check-config", good, "--format", "json"])).stdout).toBe("");
  });

  test("misses the files that checks need, where they are named; for another host that is a warning", async () => {
    const path = join(folder, "files.yaml");
    const [ca, key, own] = [join(folder, "none/ca-file.pem"), folder, join(folder, "own.pem")];
    const pair = certificateAuthority().issue(["127.0.0.1"]);
    await Bun.write(own, pair.cert + pair.key);
    const text = [
      "version: 1",
      `defaults: {probe: {type: http, tls: {cert-file: ${own}}}}`,
      "virtual-servers:",
      `- {address: 10.0.0.1:80, probe: {tls: {ca-file: ${ca}, key-file: ${key}}}, real-servers: [10.0.0.2:80]}`,
      "- address: 10.0.0.3:80",
      `  probe: {type: http, bearer-token-file: ${ca}, headers-file: relative}`,
      "  real-servers: [10.0.0.2:80]",
    ].join("\n");
    await Bun.write(path, text);
    const at = (line: number, word: string): number => (text.split("\n")[line - 1] ?? "").indexOf(word) + 1;
    const [first, second] = ["virtual-servers[0].probe.tls", "virtual-servers[1].probe"];
    const missing = (severity: string): string[] => [
      `${path}:4:${at(4, ca)}: ${severity}: ${first}.ca-file: ${ca}: no such file`,
      `${path}:4:${at(4, `${key}}}`)}: ${severity}: ${first}.key-file: ${key}: it is no file`,
      `${path}:6:${at(6, ca)}: ${severity}: ${second}.bearer-token-file: ${ca}: no such file`,
    ];
    const told = async (...flags: readonly string[]): Promise<readonly unknown[]> => {
      const { code, stdout } = await runProgram(["check-config", path, ...flags]);
      const lines = stdout.trimEnd().split("\n");
      return [code, lines.filter((line) => !line.includes("headers-file"))];
    };
    expect(await told()).toEqual([1, missing("error")]);
    await Bun.write(path, text.replace(", headers-file: relative", ""));
    const good = `${path}: good, with 2 virtual servers and 2 real servers`;
    expect(await told("--offline")).toEqual([0, [...missing("warning"), good]]);
    expect(await told("--offline", "--strict")).toEqual([1, [...missing("warning"), good]]);
  });

  test("reads standard input for a dash", async () => {
    await using child = Bun.spawn([...LVSCARE, "check-config", "-"], {
      env: {},
      stdin: new TextEncoder().encode(WARNED),
      stdout: "pipe",
    });
    expect([await child.stdout.text(), await child.exited]).toEqual([
      `-:${warning}\n-: good, with 1 virtual server and 1 real server\n`,
      0,
    ]);
  });

  test("wants one file", async () => {
    expect(await refusal(["check-config"])).toEqual(["name a configuration file, or - for standard input"]);
    expect(await refusal(["check-config", good, bad])).toEqual([`unexpected argument "${bad}"`]);
  });
});

describe("lvscare config", () => {
  test("prints the file that says the same as flags and variables", async () => {
    const argv = [
      "config",
      "--from-flags",
      "--vs",
      "[fd00::1]:443",
      "--rs",
      "[fd00::2]:443",
      "--fall=1",
      "--rise",
      "2",
    ];
    const { code, stdout } = await runProgram(argv, { LVSCARE_INTERVAL: "2s", CARE_HEALTH_PATH: "/ready" });
    expect([code, stdout]).toEqual([
      0,
      `version: 1
virtual-servers:
- address: '[fd00::1]:443'
  interval: 2s
  rise: 2
  probe:
    type: http
    path: /ready
  real-servers:
  - '[fd00::2]:443'
`,
    ]);
  });

  test("prints the schema", async () => {
    expect((await runProgram(["config", "--schema"])).stdout).toBe(schemaText());
  });

  test("refuses bad flags, and what is no part of a file", async () => {
    expect(await refusal(["config"])).toEqual(["say either --from-flags or --schema"]);
    expect(await refusal(["config", "--from-flags", "--vs", "x", "--rs", "10.0.0.2:80"])).toEqual([
      '--vs: "x" is not an address with a port; write it as IP:port',
    ]);
    expect(
      await refusal(["config", "--from-flags", "--vs", "10.0.0.1:80", "--rs", "10.0.0.2:80", "--run-once"]),
    ).toEqual(["--run-once: it goes beside --config, and is no part of a file"]);
  });
});

describe("lvscare care --config", () => {
  test("cares for all of a file's virtual servers; flags win over it where the process is meant, variables of virtual servers are told and left out", async () => {
    using server = answering(ALIVE);
    const real = formatEndpoint(server.endpoint);
    const [first, second] = ["127.77.11.1:18095", "127.77.11.2:18095"] as const;
    const path = join(folder, "two.yaml");
    await Bun.write(
      path,
      `version: 1
log-format: json
defaults: {data-plane: userspace, mode: none, interval: 1h, probe: {type: http, scheme: http}}
virtual-servers:
- {address: "${first}", real-servers: ["${real}"]}
- {address: "${second}", real-servers: ["${real}"]}
`,
    );
    const environment = { XDG_RUNTIME_DIR: folder, LVSCARE_FALL: "9", CARE_SCHEDULER: "wrr", LVSCARE_LOGGER: "DEBG" };
    await using child = Bun.spawn([...LVSCARE, "care", "--config", path, "--log-format", "text"], {
      env: environment,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const lines: string[] = [];
    const logged = (async () => {
      for await (const line of linesOf(child.stderr)) lines.push(line);
    })();
    const serving = (): number => lines.filter((line) => line.includes("recovering → healthy")).length;
    await waitFor(serving, (count) => count === 2 || child.exitCode !== null);
    expect(lines[0]).toMatch(
      /WARN.* CARE_SCHEDULER, LVSCARE_FALL are not read beside --config: the file alone says what virtual servers have$/,
    );
    for (const address of [first, second]) {
      expect(lines.filter((line) => line.includes(`tcp ${address}: caring for tcp ${address} (rr)`))).toHaveLength(1);
    }
    expect(lines.some((line) => line.includes("real server") && line.includes("DEBUG"))).toBe(true);
    child.kill("SIGTERM");
    await logged;
    expect(await child.exited).toBe(0);
  });

  test("refuses a bad file with everything that is wrong", async () => {
    expect(await refusal(["care", "--config", bad])).toEqual([
      `${bad}:2:48: error: virtual-servers[0].fall: 0 is less than 1`,
      `${bad}:2:51: error: virtual-servers[0].porbe: unknown key porbe; did you mean probe?`,
    ]);
  });

  test("takes no flag that belongs to a virtual server", async () => {
    const belongs = "it belongs to a virtual server, and so into the file that --config names";
    expect(await refusal(["care", "--config", good, "--fall", "2", "--vs=10.0.0.1:80", "--http-listen", "x"])).toEqual([
      `--fall: ${belongs}`,
      `--vs: ${belongs}`,
      '--http-listen: "x" is not an address with a port; write it as IP:port',
    ]);
  });

  test("has nothing to set up once in a process that ends", async () => {
    const proxied = join(folder, "proxied.yaml");
    await Bun.write(proxied, GOOD.replace("probe", "data-plane: userspace, probe"));
    expect(await refusal(["care", "--config", proxied, "--run-once"])).toEqual([
      "set up tcp 10.0.0.1:80: the userspace data plane ends with its process, so there is nothing to set up once",
    ]);
  });
});
