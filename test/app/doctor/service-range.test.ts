import { describe, expect, test } from "bun:test";
import { judgeServiceRange, readServiceRange } from "../../../src/app/doctor/service-range.ts";
import { parseAddress, type Endpoint } from "../../../src/domain/endpoint.ts";
import { subject } from "./subjects.ts";

describe("the addresses of services", () => {
  const judge = (ranges: readonly string[], services: readonly string[], vs?: string): (readonly [string, string])[] =>
    judgeServiceRange({ ranges, services: services.map(address) }, [subject({}, vs)]).map(({ state, message }) => [
      state,
      message,
    ]);

  test("that nothing here tells are no matter", () => {
    expect(judge([], [])).toEqual([]);
    expect(readServiceRange([], [])).toEqual({ ranges: [], services: [] });
  });

  test.each([[["10.96.0.0/12"]], [["fd00:96::/108", "10.96.0.0/12"]]])(
    "may come to be the virtual address, by what the API server is told: %j",
    (ranges) => {
      expect(judge(ranges, [])).toEqual([
        ["note", "this address is in 10.96.0.0/12, from which the cluster may give it to a service at any time"],
      ]);
    },
  );

  test("may come to be the virtual address that lies between two of them", () => {
    const [state] = judge([], ["10.96.0.1", "10.111.4.8"])[0] ?? [];
    expect(state).toBe("note");
    expect(judge([], ["10.96.0.1", "10.96.0.10"])).toEqual([]);
    expect(judge([], ["10.104.0.1", "fd00:96::1"])).toEqual([]);
  });

  test("have the virtual address already", () => {
    expect(judge(["10.96.0.0/12"], ["10.96.0.1", "10.103.97.2"])).toEqual([
      ["problem", "this address is that of a service, too: kube-proxy has it on kube-ipvs0"],
    ]);
  });

  test("that are elsewhere are right", () => {
    expect(judge(["10.96.0.0/16"], [])).toEqual([["ok", "no service can get this address: they have 10.96.0.0/16"]]);
  });
});

// --- internal ---

function address(text: string): Omit<Endpoint, "port"> {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}
