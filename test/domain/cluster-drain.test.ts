import { expect, test } from "bun:test";
import fc from "fast-check";
import { drainAnnotation, drainsIn, drainValue } from "../../src/domain/cluster-drain.ts";
import { parseAddress } from "../../src/domain/endpoint.ts";

const SINCE = "2026-12-01T02:00:00.000Z";

test("each address has an annotation that an API server takes, and is read from it as it was", () => {
  const addresses = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("::", "::1", "fd00::", "1::"));
  fc.assert(
    fc.property(addresses, (text) => {
      const address = parseAddress(text)?.address ?? "";
      const name = drainAnnotation(address);
      // As k8s.io/apimachinery's IsQualifiedName has it.
      expect(name).toMatch(/^[a-z.]+\/(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/);
      const drain = { since: SINCE, by: "alice" };
      expect([...drainsIn({ [name]: drainValue(drain) })]).toEqual([[address, drain]]);
    }),
  );
});

test("other annotations mean nothing, and a drain counts whatever is wrong with its value", () => {
  const epoch = "1970-01-01T00:00:00.000Z";
  const drains = drainsIn({
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "drained.lvscare/web": "{}",
    "drained.lvscare/10.0.0.3": '{"since":"today","by":"eve\\u001b[2J"}',
    "drained.lvscare/10.0.0.2": "yes",
    "drained.lvscare/10.0.0.4": null,
  });
  expect([...drains]).toEqual([
    ["10.0.0.2", { since: epoch }],
    ["10.0.0.3", { since: epoch }],
    ["10.0.0.4", { since: epoch }],
  ]);
});
