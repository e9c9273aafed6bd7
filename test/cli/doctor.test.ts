import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createPaint } from "../../src/cli/colour.ts";
import { renderDoctor } from "../../src/cli/doctor-text.ts";
import {
  countFindings,
  note,
  ok,
  problem,
  unknown,
  type DoctorReport,
  type Finding,
} from "../../src/domain/finding.ts";
import { refusal, runProgram } from "./run-program.ts";

const KEY = "tcp 10.103.97.2:6443";
const PLAIN = createPaint(false);

describe("lvscare doctor", () => {
  test("tells programs what it found, and its exit code whether there is a problem", async () => {
    const planned = ["--vs", "127.0.0.9:6443", "--rs", "127.0.0.9:1"];
    const { code, stdout, stderr } = await runProgram(["doctor", "-o", "json", ...planned]);
    const { findings, counts, virtualServers, ...others } = JSON.parse(stdout) as DoctorReport;
    expect([code, stderr, virtualServers]).toEqual([1, "", ["tcp 127.0.0.9:6443"]]);
    expect([Object.keys(others), counts]).toEqual([["version"], countFindings(findings)]);
    const whom = { virtualServer: "tcp 127.0.0.9:6443", realServer: "127.0.0.9:1" };
    expect(findings.filter(({ realServer }) => realServer !== undefined)).toEqual([
      {
        state: "problem",
        check: "connection",
        message: "does not answer: connect refused",
        remedy: "see what listens there: `ss -ltnp 'sport = :1'` on 127.0.0.9",
        ...whom,
      },
    ]);
    for (const { state, remedy } of findings)
      if (state === "note" || state === "problem") expect(remedy).toContain("`");
    const ipvs = findings.find(({ check }) => check === "ipvs");
    if (existsSync("/proc/self/net/ip_vs")) expect(ipvs?.state).not.toBe("problem");
    else expect(ipvs).toMatchObject({ state: "problem", remedy: expect.stringContaining("`modprobe ip_vs`") });
  });

  test("tells people, and counts", async () => {
    const { stdout } = await runProgram(["doctor"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toMatch(/^(no|\d+) problems?, (no|\d+) notes?, \d+ unknown, \d+ ok$/);
    expect(lines.filter((line) => / {2}kernel {2,}Linux \d/.test(line))).toHaveLength(1);
  });

  test("refuses what it does not understand", async () => {
    expect(
      await refusal(["doctor", "--rs", "10.0.0.1:80", "--mode", "tunnel", "--scheduler", "best", "-o", "yaml"]),
    ).toEqual([
      '--output: "yaml" is not one of text, json',
      expect.stringMatching(/^--scheduler: "best" is not one of rr, wrr/),
      '--mode: "tunnel" is not one of route, link, none',
      "--rs: name the one virtual server that has it with --vs",
    ]);
    expect(await refusal(["doctor", "--vs", "api:6443"])).toEqual([
      expect.stringContaining("host names are not resolved"),
    ]);
  });
});

describe("its text", () => {
  const findings: Finding[] = [
    problem(
      "route",
      "this host has no way to 10.103.97.2: no route leads there",
      "`ip route add 10.103.97.2/32 via 10.0.0.5` and `modprobe ip_vs`",
      {
        virtualServer: KEY,
      },
    ),
    ok("kernel", "Linux 6.1.0"),
    note("sysctl", "net.ipv4.vs.conntrack is\u001B[2J 0", "`sysctl -w net.ipv4.vs.conntrack=1`"),
    unknown("ipvs", "this process may not look"),
    ok("connection", "answers through the virtual server in 2ms", {
      virtualServer: KEY,
      realServer: "192.168.0.2:6443",
    }),
  ];
  const report = { version: "0.1.0", virtualServers: [KEY], counts: countFindings(findings), findings };

  test("has problems last, fits 80 columns, and breaks no command", () => {
    expect(renderDoctor(report, { width: 80, paint: PLAIN })).toBe(
      `ok       kernel      Linux 6.1.0
ok       connection  tcp 10.103.97.2:6443 → 192.168.0.2:6443: answers through
                     the virtual server in 2ms
unknown  ipvs        this process may not look
note     sysctl      net.ipv4.vs.conntrack is\\x1b[2J 0
                     → \`sysctl -w net.ipv4.vs.conntrack=1\`
problem  route       tcp 10.103.97.2:6443: this host has no way to 10.103.97.2:
                     no route leads there
                     → \`ip route add 10.103.97.2/32 via 10.0.0.5\` and
                     \`modprobe ip_vs\`

examined: this host; tcp 10.103.97.2:6443
1 problem, 1 note, 1 unknown, 2 ok
`,
    );
  });

  test("has a line for each finding and for each remedy in a pipe", () => {
    const lines = renderDoctor(report, { width: undefined, paint: PLAIN }).split("\n");
    expect(lines).toHaveLength(5 + 2 + 4);
  });

  test("says so when nothing stands and nothing is wrong", () => {
    const fine = [ok("kernel", "Linux 6.1.0")];
    const text = renderDoctor(
      { version: "0.1.0", virtualServers: [], counts: countFindings(fine), findings: fine },
      { width: 80, paint: PLAIN },
    );
    expect(text).toEndWith(
      "examined: this host; no virtual server stands on this host\nno problems, no notes, 0 unknown, 1 ok\n",
    );
  });
});
