import { describe, expect, test } from "bun:test";
import { refusal, runProgram } from "./run-program.ts";

/** What people type, paste and template by mistake, and what they are told. Nothing is done in any of these cases. */

const VS = ["--vs", "192.0.2.1:80"];
const RS = ["--rs", "192.0.2.2:80"];

describe("names the slip and the remedy", () => {
  const slips: readonly (readonly [argv: readonly string[], lines: readonly string[]])[] = [
    // Flag and value as one entry of a list in YAML, or as one quoted word.
    [[...RS, "--vs 192.0.2.1:80"], ['"--vs …" is one argument with a blank in it; write --vs=…, or two arguments']],
    [[...RS, "--vs: 192.0.2.1:80"], ['"--vs …" is one argument with a blank in it; write --vs=…, or two arguments']],
    // Text programs and web pages.
    [["–vs", "192.0.2.1:80", ...RS], ['"–vs" begins with a dash that is no hyphen; write --vs']],
    [["—vs=192.0.2.1:80", ...RS], ['"—vs" begins with a dash that is no hyphen; write --vs']],
    [["-–vs", "192.0.2.1:80", ...RS], ['"-–vs" begins with a dash that is no hyphen; write --vs']],
    [[...VS, ...RS, "–really"], ['"–really" begins with a dash that is no hyphen']],
    [[...RS, "--vs=“192.0.2.1:80”"], ['--vs: "“192.0.2.1:80”" has quotes in it; write IP:port without']],
    [[...RS, "--vs=192.0.2.1:80\u200B"], ['--vs: "192.0.2.1:80\\u200b" needs a port from 1 to 65535']],
    [
      [...RS, "--vs=192.0.\u00A02.1:80"],
      ['--vs: "192.0.\\xa02.1:80" has blanks, commas or semicolons in it; write one IP:port'],
    ],
    // Names of other programs.
    [
      ["--vip", "192.0.2.1:80", "--masters=192.0.2.2:80"],
      ["unknown flag --vip; did you mean --vs?", "unknown flag --masters; did you mean --rs?"],
    ],
    [[...VS, ...RS, "--verbose"], ["unknown flag --verbose; did you mean --logger?"]],
    [
      ["help"],
      ['unexpected argument "help"; write --help', 'required flag(s) "vs" not set', 'required flag(s) "rs" not set'],
    ],
    // Lists.
    [
      [...VS, "--rs", "192.0.2.2:80,", "192.0.2.3:80"],
      [
        'unexpected argument "192.0.2.3:80"; repeat --rs for each value',
        "--rs: one of them is empty; a real server may have been forgotten",
      ],
    ],
    [
      [...VS, "--rs", "192.0.2.2:80 192.0.2.3:80"],
      ['--rs: "192.0.2.2:80 192.0.2.3:80" has blanks or semicolons in it; put commas between real servers'],
    ],
    [[...VS, "--rs", ",,,"], ["--rs: one of them is empty; a real server may have been forgotten"]],
    // Values without their quotes: what may be a secret is not shown.
    [
      [...VS, ...RS, "--health-req-headers", "Authorization=Bearer", "secret"],
      ["unexpected argument after --health-req-headers; put quotes around a value with blanks in it"],
    ],
    [
      [...VS, ...RS, "--health-req-headers Authorization=Bearer secret"],
      ['"--health-req-headers …" is one argument with a blank in it; write --health-req-headers=…, or two arguments'],
    ],
    // A shell variable that is empty, or was not expanded.
    [["--vs=", ...RS], ['required flag(s) "vs" not set']],
    [
      ["--vs", "", "--rs", ""],
      ['required flag(s) "vs" not set', 'required flag(s) "rs" not set'],
    ],
    [["--vs", "--rs", "192.0.2.2:80"], ["flag --vs needs a value"]],
    [
      [...VS, "--rs", "$MASTER:6443"],
      ['--rs: "$MASTER:6443" needs an IP address before the port (host names are not resolved)'],
    ],
    [["--vs=https://192.0.2.1:6443", ...RS], ['--vs: "https://192.0.2.1:6443" is a URL; write only IP:port']],
    [["--vs=[fd00::1]", "--rs=[fd00::2]:80"], ['--vs: "[fd00::1]" has no port; write it like [fd00::1]:6443']],
    // Booleans and short flags.
    [[...VS, ...RS, "-C", "true"], ['unexpected argument "true"; write --clean=true']],
    [[...VS, ...RS, "-C="], ['--clean: "" is neither true nor false']],
    [[...VS, ...RS, "-Ci"], ["flag -i needs a value"]],
    [[...VS, ...RS, "--", "--mode=none"], ['unexpected argument "--mode=none"; repeat --rs for each value']],
  ];

  test.concurrent.each(slips)("%j", async (argv, lines) => {
    expect(await refusal(["care", ...argv])).toEqual([...lines]);
  });
});

describe("a virtual server is named by its flag", () => {
  test.concurrent.each(["status", "events", "members", "doctor"])("%s", async (name) => {
    for (const word of ["web", "192.0.2.1:80", "udp/192.0.2.1:53"])
      expect(await refusal([name, word])).toEqual([`unexpected argument "${word}"; did you mean --vs ${word}?`]);
    expect(await refusal([name, "no/word"])).toEqual(['unexpected argument "no/word"']);
    expect(await refusal([name, "--vs", "a", "b"])).toEqual(['unexpected argument "b"; repeat --vs for each value']);
  });
});

test.concurrent("a value without end is cut, the remedy is not", async () => {
  const { stderr } = await runProgram(["care", `--vs=${"1".repeat(100_000)}`, ...RS]);
  expect(stderr).toStartWith('lvscare: --vs: "1111');
  expect(stderr).toEndWith('1" is not an address with a port; write it as IP:port\n');
  expect(stderr.length).toBeLessThan(500);
});

test.concurrent("variables of other programs, in whatever state, change nothing", async () => {
  const junk = {
    "": "x",
    LVSCARE: "x",
    LVSCARE_: "x",
    lvscare_vs: "x",
    CARE_VS_: "x",
    "CARE VS": "x",
    "CARE_VS\n": "x",
  };
  expect(await runProgram(["care", ...VS], junk)).toEqual(await runProgram(["care", ...VS]));
});
