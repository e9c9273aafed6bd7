import { expect, test } from "bun:test";
import { jitPolicy } from "../../src/cli/jit-policy.ts";
import { resolveArgv } from "../config/resolve-line.ts";

test.each<[number, string, boolean]>([
  [3, "1s", true],
  [200, "5s", true],
  [100, "1s", false],
])(
  "has the functions of a daemon with %p real servers, checked each %s, compiled late: %p",
  (count, interval, isLate) => {
    const servers = Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}:80`).join(",");
    const options = resolveArgv(["--vs", "10.0.1.1:80", "--rs", servers, "--interval", interval]);
    expect(jitPolicy({ virtualServers: [options] }) > 1).toBe(isLate);
  },
);
