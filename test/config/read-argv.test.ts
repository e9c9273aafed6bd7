import { describe, expect, test } from "bun:test";
import { CARE_OPTION_ROWS } from "../../src/config/care-option-rows.ts";
import { readArgv } from "../../src/config/read-argv.ts";

/** What was read, by flag, and what was wrong. */
function read(...argv: readonly string[]): { given: Record<string, readonly string[]>; problems: readonly string[] } {
  const { given, problems } = readArgv(argv, CARE_OPTION_ROWS);
  return { given: Object.fromEntries([...given].map(([flag, { texts }]) => [flag, texts])), problems };
}

describe("understands", () => {
  test.each([
    [["--vs", "a"], { vs: ["a"] }],
    [["--vs=a"], { vs: ["a"] }],
    [["--vs="], { vs: [""] }],
    [["--health-req-headers=X-A=1"], { "health-req-headers": ["X-A=1"] }],
    [["--rs", "a", "--vs", "b", "--rs", "c,d"], { rs: ["a", "c,d"], vs: ["b"] }],
    [["-i", "x"], { iface: ["x"] }],
    [["-ix"], { iface: ["x"] }],
    [["-i=x"], { iface: ["x"] }],
    [["--health-path", "/i"], { "health-path": ["/i"] }],
    [["-C"], { clean: ["true"] }],
    [["-C=false"], { clean: ["false"] }],
    [["-Cix"], { clean: ["true"], iface: ["x"] }],
    [["-Ci", "x"], { clean: ["true"], iface: ["x"] }],
    [["--run-once"], { "run-once": ["true"] }],
    [["--run-once=false"], { "run-once": ["false"] }],
    [["--interval", "-5"], { interval: ["-5"] }],
    [["--health-req-body", "--anything"], { "health-req-body": ["--anything"] }],
    [["--health-req-body=--vs"], { "health-req-body": ["--vs"] }],
    [["--vs", "a", "--"], { vs: ["a"] }],
    [[], {}],
  ])("%j", (argv, given) => {
    expect(read(...argv)).toEqual({ given, problems: [] });
  });
});

describe("refuses", () => {
  test.each([
    [["--vs"], "flag --vs needs a value"],
    [["--vs", "--rs", "a"], "flag --vs needs a value"],
    [["--vs", "--rs=a"], "flag --vs needs a value"],
    [["--vs", "-C"], "flag --vs needs a value"],
    [["--vs", "--"], "flag --vs needs a value"],
    [["-i"], "flag -i needs a value"],
    [["--heath-path", "/"], "unknown flag --heath-path; did you mean --health-path?"],
    [["--heath-path=/"], "unknown flag --heath-path; did you mean --health-path?"],
    [["--health_scheme", "http"], "unknown flag --health_scheme; did you mean --health-schem?"],
    [["--VS", "a"], "unknown flag --VS; did you mean --vs?"],
    [["--no-run-once"], "unknown flag --no-run-once; did you mean --run-once=false?"],
    [["--runonce"], "unknown flag --runonce; did you mean --run-once?"],
    [["-vs", "a"], "unknown flag -vs; did you mean --vs?"],
    [["-vs=a"], "unknown flag -vs; did you mean --vs?"],
    [["-x", "a"], "unknown flag -x"],
    [["-Cx"], "unknown flag -x in -Cx"],
    [["--something-else-entirely", "a"], "unknown flag --something-else-entirely"],
    [["--="], "unknown flag --"],
    [["---vs"], "unknown flag ---vs; did you mean --vs?"],
    [["a"], 'unexpected argument "a"'],
    [[""], 'unexpected argument ""'],
    [["-"], 'unexpected argument "-"'],
    [["--", "--vs"], 'unexpected argument "--vs"'],
    [["--rs", "a", "b"], 'unexpected argument "b"; repeat --rs for each value'],
    [["--run-once", "false"], 'unexpected argument "false"; write --run-once=false'],
  ])("%j", (argv, problem) => {
    expect(read(...argv).problems).toEqual([problem]);
  });
});

describe("help", () => {
  test.each([
    [["--help"]],
    [["-h"]],
    [["-Ch"]],
    [["--vs", "a", "--help"]],
    [["--vs", "--help"]],
    [["--nonsense", "-h"]],
  ])("is asked for by %j", (argv) => expect(readArgv(argv, CARE_OPTION_ROWS).help).toBe(true));

  test.each([[["--", "--help"]], [["--health-req-body=--help"]], [["--vs", "help"]]])(
    "is not asked for by %j",
    (argv) => expect(readArgv(argv, CARE_OPTION_ROWS).help).toBe(false),
  );
});
