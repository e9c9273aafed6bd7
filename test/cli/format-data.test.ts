import { expect, test } from "bun:test";
import { formatData } from "../../src/cli/output.ts";

const data = {
  address: "10.0.0.1:80",
  version: "0.1.0",
  weight: undefined,
  notes: ["a: b # c", "two\nlines"],
  servers: [{ state: "no", active: 0 }],
  none: [],
};

test.each([
  ["json", JSON.parse],
  ["yaml", Bun.YAML.parse],
] as const)("%s comes back as it was, ends with one newline and leaves out what is not there", (format, parse) => {
  const text = formatData(data, format);
  const { weight: _, ...there } = data;
  expect(parse(text)).toEqual(there);
  expect(text).toEndWith("\n");
  expect(text).not.toEndWith("\n\n");
});
