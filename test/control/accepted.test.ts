import { expect, test } from "bun:test";
import { wishFor } from "../../src/control/http/accepted.ts";

test.each([
  [null, 0],
  ["", 0],
  ["*", 0],
  ["gzip", 1],
  ["GZIP", 1],
  ["br, gzip ; q=0.5", 0.5],
  ["gzip;q=0", 0],
  ["gzip;q=0, gzip;q=0.2", 0.2],
  ["gzip;q=nonsense", 0],
  ["gzip;q=7", 0],
  ["x-gzip", 0],
])("of %p it is so much", (field, wish) => {
  expect(wishFor(field, "gzip")).toBe(wish);
});

test.each([
  ["a/b;version=1.0.0", 1],
  ["a/b; version = 1.0.0 ;q=0.3", 0.3],
  ["a/b", 1],
  ["a/b;version=0.0.1, a/b;version=1.0.0;q=0.1", 0.1],
  ["a/b;version=0.0.1", 0],
])("of a version, %p wants so much", (field, wish) => {
  expect(wishFor(field, "a/b", new Map([["version", "1.0.0"]]))).toBe(wish);
});
