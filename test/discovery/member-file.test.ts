import { describe, expect, test } from "bun:test";
import { readMemberFile } from "../../src/discovery/member-file.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";

/** `10.0.0.1:80*3/a`: weight 3, zone a. */
function told(text: string): readonly string[] | string {
  const answer = readMemberFile(text);
  if ("problem" in answer) return answer.problem;
  return answer.listed.map(
    ({ endpoint, weight, zone }) =>
      `${formatEndpoint(endpoint)}${weight === undefined ? "" : `*${weight}`}${zone === undefined ? "" : `/${zone}`}`,
  );
}

describe("a file of members", () => {
  test("has a member a line, with weights, comments and blanks", () => {
    const text = "# masters\n10.0.0.1:6443\r\n\n  10.0.0.2:6443   3  # the big one\n[fd00::1]:6443\t2";
    expect(told(text)).toEqual(["10.0.0.1:6443", "10.0.0.2:6443*3", "[fd00::1]:6443*2"]);
  });

  test("begins with an IPv6 address and is no JSON", () => {
    expect(told("[fd00::1]:80\n")).toEqual(["[fd00::1]:80"]);
  });

  test("is what Prometheus calls file_sd", () => {
    const groups = [
      { targets: ["10.0.0.1:80", "10.0.0.2:80"], labels: { weight: "2", zone: "a", job: "web" } },
      { targets: ["[fd00::1]:80"] },
      { targets: [] },
    ];
    expect(told(JSON.stringify(groups, undefined, 2))).toEqual(["10.0.0.1:80*2/a", "10.0.0.2:80*2/a", "[fd00::1]:80"]);
  });

  test("lists nobody when it is empty", () => {
    expect(["", "# nobody\n", "[]", " [ ] "].map(told)).toEqual([[], [], [], []]);
  });

  test("may have a member twice, but not with two weights", () => {
    expect(told("10.0.0.1:80 2\n10.0.0.1:80 2\n")).toEqual(["10.0.0.1:80*2"]);
    expect(told("10.0.0.1:80 2\n10.0.0.1:80 3\n")).toBe("line 2: 10.0.0.1:80 is there already, with another weight");
  });

  test.each([
    ["10.0.0.1\n", 'line 1: "10.0.0.1" is not an address with a port; write it as IP:port'],
    ["10.0.0.1:80\nweb-1:80\n", 'line 2: "web-1:80" needs an IP address before the port (host names are not resolved)'],
    ["10.0.0.1:80 0", 'line 1: "0" is no weight from 1 to 65535'],
    ["10.0.0.1:80 70000", 'line 1: "70000" is no weight from 1 to 65535'],
    ["10.0.0.1:80 1 a", "line 1: expected IP:port and perhaps a weight"],
    ['[{"targets": ["10.0.0.1"]}]', '[0].targets[0]: "10.0.0.1" is not an address with a port; write it as IP:port'],
    ['[{"targets": [1]}]', "[0].targets[0]: expected IP:port"],
    ['[{"labels": {}}]', "[0]: needs targets, a list of IP:port"],
    ['[{"targets": [], "labels": 1}]', "[0].labels: expected texts by their names"],
    ['[{"targets": [], "labels": {"weight": "x"}}]', '[0].labels.weight: "x" is no weight from 1 to 65535'],
  ])("tells what is wrong: %j", (text, problem) => {
    expect(told(text)).toBe(problem);
  });

  test("tells that what begins like JSON is none", () => {
    expect(told("[{")).toStartWith("it is no JSON: ");
  });

  test("has no more than ten thousand members", () => {
    const lines = Array.from({ length: 10_001 }, (_, at) => `10.0.${at >> 8}.${at & 255}:80`);
    expect(told(lines.join("\n"))).toBe("10001 members are more than 10000");
  });
});
