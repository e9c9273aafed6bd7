import { describe, expect, test } from "bun:test";
import { membersOf, readEndpoints, readSlice, type Slice } from "../../../src/discovery/kubernetes/slices.ts";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";

const HTTPS = { name: "https", port: 6443, protocol: "TCP" };

function slice(endpoints: readonly object[], more: object = {}): Slice {
  const read = readSlice({ addressType: "IPv4", metadata: { name: "one" }, endpoints, ports: [HTTPS], ...more });
  if (read === undefined) throw new Error("no slice");
  return read;
}

/** `10.0.0.1:6443-` leaves. */
function told(slices: readonly Slice[], port?: string | number, family: "ipv4" | "ipv6" = "ipv4"): unknown {
  const answer = membersOf(slices, port, family);
  return "problem" in answer
    ? answer.problem
    : answer.listed.map(({ endpoint, isLeaving, zone }) =>
        [formatEndpoint(endpoint), isLeaving ? "-" : "", zone === undefined ? "" : ` ${zone}`].join(""),
      );
}

describe("members of slices", () => {
  test.each([
    [{}, ["10.0.0.1:6443"]],
    [{ ready: true }, ["10.0.0.1:6443"]],
    [{ ready: null, serving: null, terminating: null }, ["10.0.0.1:6443"]],
    [{ ready: true, serving: true, terminating: false }, ["10.0.0.1:6443"]],
    [{ ready: false, serving: true, terminating: true }, ["10.0.0.1:6443-"]],
    [{ ready: true, serving: true, terminating: true }, ["10.0.0.1:6443-"]],
    [{ ready: false, serving: true, terminating: false }, []],
    [{ ready: false, serving: false, terminating: true }, []],
    [{ ready: false }, []],
  ])("by their conditions: %j", (conditions, members) => {
    expect(told([slice([{ addresses: ["10.0.0.1"], conditions }])])).toEqual(members);
  });

  test("have the port that is asked for, or the only one", () => {
    const two = slice([{ addresses: ["10.0.0.1"] }], { ports: [HTTPS, { name: "metrics", port: 9100 }] });
    expect(told([two])).toBe("it has several ports: https, metrics; name one");
    expect(told([two], "metrics")).toEqual(["10.0.0.1:9100"]);
    expect(told([two], 6443)).toEqual(["10.0.0.1:6443"]);
    expect(told([two], "web")).toBe("it has no port web: there are https, metrics");
    const odd = [{ name: "dns", port: 53, protocol: "UDP" }, { name: "x", port: null }, { port: 80 }];
    expect(told([slice([{ addresses: ["10.0.0.1"] }], { ports: odd })])).toEqual(["10.0.0.1:80"]);
    expect(told([slice([{ addresses: ["10.0.0.1"] }], { ports: null })])).toEqual([]);
  });

  test("are of the virtual server's family, of several slices, each once, with their zones", () => {
    const four = slice([{ addresses: ["10.0.0.1", "10.0.0.2"], zone: "a" }]);
    const again = slice([{ addresses: ["10.0.0.2"], conditions: { ready: false, serving: true, terminating: true } }]);
    const six = slice([{ addresses: ["fd00::1"] }], { addressType: "IPv6" });
    const names = slice([{ addresses: ["a.example.org"] }], { addressType: "FQDN" });
    expect(told([four, again, six, names])).toEqual(["10.0.0.1:6443 a", "10.0.0.2:6443 a"]);
    expect(told([again, four])).toEqual(["10.0.0.2:6443 a", "10.0.0.1:6443 a"]);
    expect(told([four, six], undefined, "ipv6")).toEqual(["[fd00::1]:6443"]);
  });

  test("are none where there is nothing", () => {
    expect(told([])).toEqual([]);
    expect(told([], "https")).toEqual([]);
    expect(told([slice([], { endpoints: null })])).toEqual([]);
  });
});

test("members of Endpoints are those that are ready", () => {
  const endpoints = {
    metadata: { name: "kubernetes" },
    subsets: [
      { addresses: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }], notReadyAddresses: [{ ip: "10.0.0.3" }], ports: [HTTPS] },
    ],
  };
  expect(told(readEndpoints(endpoints) ?? [])).toEqual(["10.0.0.1:6443", "10.0.0.2:6443"]);
  expect(told(readEndpoints({ metadata: {} }) ?? [])).toEqual([]);
  expect([undefined, null, 5, [], {}].map(readEndpoints)).toEqual(Array(5).fill(undefined));
});
