import { expect, test } from "bun:test";
import { withHold, type Hold, type Holds } from "../../src/domain/hold.ts";

test("of real servers that are not listed, the thousand that were held last are remembered; of listed ones, all", () => {
  const listed = new Set(Array.from({ length: 1500 }, (_, index) => `10.0.0.1:${index}`));
  const absent = Array.from({ length: 1200 }, (_, index) => `10.0.0.2:${index}`);
  const hold = (second: number): Hold => ({ since: new Date(second * 1000).toISOString(), drained: true });
  let holds: Holds = new Map([...listed, ...absent].map((server, index) => [server, hold(index)]));
  holds = withHold(holds, "10.0.0.1:0", undefined, listed);
  expect([...holds.keys()]).toEqual([...[...listed].slice(1), ...absent.slice(200)]);
  const one = hold(1);
  expect(withHold(holds, "10.0.0.1:0", one, listed).get("10.0.0.1:0")).toBe(one);
});
