import { describe, expect, test } from "bun:test";
import { answering, answeringAndClosing, rawServer, type RawServer } from "../probe/http/support/raw-server.ts";
import { selfSigned } from "../probe/http/support/certificates.ts";
import { ALIVE, CareProgram } from "./care-program.ts";
import { refusal } from "./run-program.ts";

/** The flags of the Go program's `lvscare care`, row by row, at the real entry. What we do otherwise says so in its name. */

const VS = ["--vs", "192.0.2.1:80"];
const RS = ["--rs", "192.0.2.2:80"];
describe("takes as the Go program does", () => {
  const rows: readonly (readonly [row: string, flags: readonly string[]])[] = [
    ["--vs, --rs: an address and a port, as two arguments or one", ["--vs=192.0.2.1:80", "--rs=192.0.2.2:80"]],
    ["--rs: repeated and in comma lists", [...VS, ...RS, "--rs", "192.0.2.3:80,192.0.2.4:80"]],
    ["--rs: quoted as CSV has it", [...VS, "--rs", '"192.0.2.2:80","192.0.2.3:80"']],
    ["--rs: not required to clean", [...VS, "-C"]],
    ...["rr", "lc", "dh", "sh", "wrr", "wlc"].map(
      (scheduler) => [`--scheduler: ${scheduler}`, [...VS, ...RS, "--scheduler", scheduler]] as const,
    ),
    ["--iface: long, and short in three ways", [...VS, ...RS, "--iface", "a", "-i", "b", "-ic", "-i=d"]],
    ["--logger: INFO", [...VS, ...RS, "--logger", "INFO"]],
    ["--logger: DEBG", [...VS, ...RS, "--logger", "DEBG"]],
    ...["route", "link", ""].map((mode) => [`--mode: "${mode}"`, [...VS, ...RS, "--mode", mode]] as const),
    ["--run-once, --clean: with a value or without", [...VS, ...RS, "--run-once", "--run-once=false", "-C", "-C=0"]],
    ...["5", "500ms", "1m30s", "1.5s"].map(
      (interval) => [`--interval: ${interval}`, [...VS, ...RS, "--interval", interval]] as const,
    ),
    ["--ip: an address, with blanks around it", [...VS, ...RS, "--ip", " 192.0.2.9 "]],
    ["--masqueradebit: 0 to 31", [...VS, ...RS, "--masqueradebit", "0", "--masqueradebit=31"]],
    ["--health-path: with a slash in front or without", [...VS, ...RS, "--health-path=/", "--health-path=readyz"]],
    ["--health-schem: http and https", [...VS, ...RS, "--health-schem=http", "--health-schem=https"]],
    [
      "--health-req-method: a method; empty means GET",
      [...VS, ...RS, "--health-req-method=HEAD", "--health-req-method="],
    ],
    [
      "--health-req-headers: a pair, and a CSV list of pairs",
      [...VS, ...RS, "--health-req-headers=A=1,B=2", "--health-req-headers", "C=3"],
    ],
    [
      "--health-status: repeated and in comma lists",
      [...VS, ...RS, "--health-status", "401", "--health-status=403,404"],
    ],
    ["--health-insecure-skip-verify: false", [...VS, ...RS, "--health-insecure-skip-verify=false"]],
    ["--health-timeout: a duration", [...VS, ...RS, "--health-timeout", "1m"]],
  ];

  test.concurrent.each(rows)("%s", async (_, flags) => {
    // Everything wrong is reported, so one wrong flag shows that nothing else was, without anything being done.
    expect(await refusal(["care", ...flags, "--log-format=xml"])).toEqual([
      '--log-format: "xml" is not one of text, json',
    ]);
  });
});

describe("refuses as the Go program does", () => {
  const rows: readonly (readonly [row: string, flags: readonly string[], lines: readonly string[]])[] = [
    ["--vs, --rs: missing", [], ['required flag(s) "vs" not set', 'required flag(s) "rs" not set']],
    ["--rs: missing", VS, ['required flag(s) "rs" not set']],
    ["--vs: missing, to clean too", ["-C"], ['required flag(s) "vs" not set']],
    [
      "--rs: an empty entry",
      [...VS, "--rs", "192.0.2.2:80,"],
      ["--rs: one of them is empty; a real server may have been forgotten"],
    ],
    [
      "--scheduler: what is none",
      [...VS, ...RS, "--scheduler", "fair"],
      ['--scheduler: "fair" is not one of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos'],
    ],
    ["--mode: what is none", [...VS, ...RS, "--mode", "nat"], ['--mode: "nat" is not one of route, link, none']],
    [
      "--interval: a fraction without a unit",
      [...VS, ...RS, "--interval", "1.5"],
      ['--interval: "1.5" is not an interval; write whole seconds like 5 or a duration like 1.5s'],
    ],
    ["--ip: a name", [...VS, ...RS, "--ip", "node1"], ['--ip: "node1" is not an IP address']],
    [
      "--masqueradebit: 32, in link mode",
      [...VS, ...RS, "--mode=link", "--masqueradebit", "32"],
      ['--masqueradebit: "32" is not a whole number from 0 to 31'],
    ],
    [
      "--health-schem: neither a scheme nor another kind of check",
      [...VS, ...RS, "--health-schem", "ftp"],
      ['--health-schem: "ftp" is not one of http, https, tcp, tls, kube-apiserver'],
    ],
    [
      "--health-req-headers: no pair",
      [...VS, ...RS, "--health-req-headers", "Accept"],
      ['--health-req-headers: "Accept…" has no "="; write name=value'],
    ],
    [
      "--health-status: no number",
      [...VS, ...RS, "--health-status", "401 403"],
      ['--health-status: "401 403" is not a whole number from 100 to 999'],
    ],
    [
      "--health-timeout: a number without a unit",
      [...VS, ...RS, "--health-timeout", "10"],
      ['--health-timeout: "10" has no unit; write 10s for seconds'],
    ],
    [
      "--run-once: neither true nor false",
      [...VS, ...RS, "--run-once=yes"],
      ['--run-once: "yes" is neither true nor false'],
    ],
    ["a flag without its value", [...VS, ...RS, "--ip"], ["flag --ip needs a value"]],
    ["an unknown flag", [...VS, ...RS, "--sorry"], ["unknown flag --sorry"]],
  ];

  test.concurrent.each(rows)("%s", async (_, flags, lines) => {
    expect(await refusal(["care", ...flags])).toEqual([...lines]);
  });
});

describe("differs from the Go program, which", () => {
  const refused: readonly (readonly [row: string, flags: readonly string[], line: string])[] = [
    [
      "--vs twice: takes the last without a word",
      [...VS, ...RS, "--vs", "192.0.2.9:80"],
      '--vs: "192.0.2.1:80" and "192.0.2.9:80" are two virtual servers; start one lvscare for each',
    ],
    [
      "--logger: takes anything for INFO",
      [...VS, ...RS, "--logger", "WARN"],
      '--logger: "WARN" is neither INFO nor DEBG',
    ],
    [
      "--interval: takes 0 for 5 s",
      [...VS, ...RS, "--interval", "0"],
      '--interval: "0" is too short; the least is 10ms',
    ],
    ["--interval: panics at a negative one", [...VS, ...RS, "--interval", "-5"], '--interval: "-5" is negative'],
    [
      "--masqueradebit: checks it in link mode only",
      [...VS, ...RS, "--masqueradebit", "32"],
      '--masqueradebit: "32" is not a whole number from 0 to 31',
    ],
    [
      "--health-req-method: fails every check for an invalid one",
      [...VS, ...RS, "--health-req-method", "GET /"],
      '--health-req-method: "GET /" is not an HTTP method',
    ],
    [
      "--health-req-headers: fails every check for an invalid one",
      [...VS, ...RS, "--health-req-headers", "A:=1"],
      '--health-req-headers: "A…" is not a header name; write name=value',
    ],
    [
      "--health-timeout: fails every check at once with 0",
      [...VS, ...RS, "--health-timeout", "0"],
      '--health-timeout: "0" is too short; the least is 1ms',
    ],
    [
      "--health-status: takes numbers that are no status",
      [...VS, ...RS, "--health-status", "40"],
      '--health-status: "40" is not a whole number from 100 to 999',
    ],
    ["--rs: takes a flag that follows for its value", [...VS, "--rs", "--run-once"], "flag --rs needs a value"],
    [
      "arguments: ignores what is no flag",
      [...VS, ...RS, "now"],
      'unexpected argument "now"; repeat --rs for each value',
    ],
  ];

  test.concurrent.each(refused)("%s", async (_, flags, line) => {
    expect(await refusal(["care", ...flags])).toEqual([line]);
  });

  const taken: readonly (readonly [row: string, flags: readonly string[]])[] = [
    ["--rs: breaks at blanks after commas", [...VS, "--rs", "192.0.2.2:80, 192.0.2.3:80"]],
    ["--health-status: refuses blanks after commas", [...VS, ...RS, "--health-status", "401, 403"]],
    ["--logger: takes DEBUG for INFO", [...VS, ...RS, "--logger", "DEBUG"]],
    ["--mode: knows no none", [...VS, ...RS, "--mode", "none"]],
    ["--scheduler: knows none but six", [...VS, ...RS, "--scheduler", "mh"]],
  ];

  test.concurrent.each(taken)("%s", async (_, flags) => {
    expect(await refusal(["care", ...flags, "--log-format=xml"])).toEqual([
      '--log-format: "xml" is not one of text, json',
    ]);
  });
});

describe("a check", () => {
  test.concurrent("asks for /healthz by GET with no body, unless told otherwise", async () => {
    using server = answering(ALIVE);
    expect(await firstCheck(server)).toBe("healthy: status 200");
    const [request = ""] = server.requests;
    expect(request).toMatch(/^GET \/healthz HTTP\/1\.1\r\n/);
    expect(request).toEndWith("\r\n\r\n");
  });

  test.concurrent("--health-path, --health-req-method, --health-req-body: makes the request of them", async () => {
    using server = answering(ALIVE);
    const flags = ["--health-path=readyz", "--health-req-method=POST", "--health-req-body=a=b, c"];
    expect(await firstCheck(server, ...flags)).toBe("healthy: status 200");
    const [request = ""] = server.requests;
    expect(request).toMatch(/^POST \/readyz HTTP\/1\.1\r\n/);
    expect(request).toEndWith("\r\n\r\na=b, c");
  });

  test.concurrent("--health-req-headers: sends one header for each value between commas", async () => {
    using server = answering(ALIVE);
    await firstCheck(server, "--health-req-headers=X-A=1,2", "--health-req-headers", "X-B=3,X-C=4=5");
    const headers = (server.requests[0] ?? "").split("\r\n").filter((line) => line.startsWith("X-"));
    expect(headers).toEqual(["X-A: 1", "X-A: 2", "X-B: 3", "X-C: 4=5"]);
  });

  test.concurrent("--health-path: keeps a query, which the Go program escapes", async () => {
    using server = answering(ALIVE);
    await firstCheck(server, "--health-path=/readyz?verbose");
    expect(server.requests[0]).toStartWith("GET /readyz?verbose HTTP/1.1\r\n");
  });

  test.concurrent("--health-req-headers: sends a Host, which the Go program ignores", async () => {
    using server = answering(ALIVE);
    await firstCheck(server, "--health-req-headers=Host=api.example");
    expect(server.requests[0]).toContain("\r\nHost: api.example\r\n");
  });

  test.concurrent("--health-status: fails at 404, and passes where it is listed", async () => {
    using server = answeringAndClosing("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    expect(await firstCheck(server)).toBe("removed: status 404");
    expect(await firstCheck(server, "--health-status=401", "--health-status=404")).toMatch(/^healthy: status 404/);
  });

  test.concurrent("--health-timeout: fails when it is over", async () => {
    using server = rawServer(() => undefined);
    expect(await firstCheck(server, "--health-timeout=50ms")).toMatch(/^removed: .*timed out.* 50ms/);
  });

  test.concurrent("--health-insecure-skip-verify: takes any certificate, until it is false", async () => {
    using server = answeringAndClosing(ALIVE, { tls: selfSigned(["127.0.0.1"]) });
    expect(await firstCheck(server, "--health-schem=https")).toBe("healthy: status 200");
    const verified = await firstCheck(server, "--health-schem=https", "--health-insecure-skip-verify=false");
    expect(verified).toMatch(/^removed: .*certificate/);
  });
});

describe("the daemon", () => {
  test.concurrent.each([
    ["--interval: a bare number means seconds", ["--interval=7"], { intervalMs: 7000 }],
    ["--interval: a duration", ["--interval=1m30s"], { intervalMs: 90_000 }],
    ["--interval: the last of several counts", ["--interval=1", "--interval", "2"], { intervalMs: 2000 }],
  ])("%s", async (_, flags, daemon) => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint, { flags });
    expect(await care.status()).toMatchObject({ scheduler: "rr", daemon });
  });

  test.concurrent("--scheduler: spreads connections by it", async () => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint, { flags: ["--scheduler=wlc"] });
    expect(await care.status()).toMatchObject({ scheduler: "wlc" });
  });
});

// --- internal ---

async function firstCheck(server: RawServer, ...flags: readonly string[]): Promise<string> {
  await using care = new CareProgram(server.endpoint, { flags });
  return await care.firstVerdict();
}
