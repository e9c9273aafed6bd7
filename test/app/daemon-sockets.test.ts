import { expect, test } from "bun:test";
import { join } from "node:path";
import { nobodyAnswers } from "../../src/app/daemon-sockets.ts";

const own = "/run/user/1000/lvscare";

test("who is not root is told that daemons of root may run all the same", () => {
  expect(nobodyAnswers(own, import.meta.dir)).toBe(
    "no lvscare daemon answers in /run/user/1000/lvscare; those that root runs answer only to root",
  );
});

test("nobody else is", () => {
  expect(nobodyAnswers(own, join(import.meta.dir, "none"))).toBe(`no lvscare daemon answers in ${own}`);
  expect(nobodyAnswers(import.meta.dir, import.meta.dir)).toBe(`no lvscare daemon answers in ${import.meta.dir}`);
});
