import { expect, test } from "bun:test";
import fc from "fast-check";
import { CARE_OPTION_ROWS } from "../../src/config/care-option-rows.ts";
import { readArgv } from "../../src/config/read-argv.ts";
import { variableNames } from "../../src/config/read-environment.ts";
import { problemsOf } from "./resolve-line.ts";

const flags = CARE_OPTION_ROWS.map(({ flag }) => flag);
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "10.0.0.1:80",
    "10.0.0.2:80",
    "[fd00::1]:80",
    "5",
    "5s",
    "-1",
    "true",
    "a=b",
    '"',
    ",",
    "=",
    "http",
    "0",
  ),
);
const token = fc.oneof(
  text,
  fc.constantFrom(...flags).map((flag) => `--${flag}`),
  fc.tuple(fc.constantFrom(...flags), text).map(([flag, value]) => `--${flag}=${value}`),
  fc.string({ maxLength: 6 }).map((letters) => `-${letters}`),
  fc.constantFrom("--", "-", "-C", "-i", "-Ci", "--help"),
);
const argv = fc.array(token, { maxLength: 12 });
const environment = fc.dictionary(fc.constantFrom(...flags.flatMap((flag) => variableNames(flag))), text);

test("any command line and environment ends in options or in one-line problems, never in another error", () => {
  fc.assert(
    fc.property(argv, environment, (argv, environment) => {
      for (const problem of problemsOf(argv, environment)) expect(problem).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }),
    { numRuns: 500 },
  );
});

test("what is written as --flag=value comes back as it was written", () => {
  const valued = CARE_OPTION_ROWS.filter(({ kind }) => kind !== "boolean").map(({ flag }) => flag);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...valued), fc.string({ unit: "binary" }))), (pairs) => {
      const { given, problems } = readArgv(
        pairs.map(([flag, value]) => `--${flag}=${value}`),
        CARE_OPTION_ROWS,
      );
      const expected = Map.groupBy(pairs, ([flag]) => flag);
      expect(problems).toEqual([]);
      expect([...given].map(([flag, { texts }]) => [flag, texts])).toEqual(
        [...expected].map(([flag, group]) => [flag, group.map(([, value]) => value)]),
      );
    }),
  );
});
