import { expect, test } from "bun:test";
import { jitPolicy } from "../../src/cli/jit-policy.ts";
import { resolveArgv } from "../config/resolve-line.ts";

test.each<[number, string, number]>([
  [3, "1s", 200],
  [45, "5s", 200],
  [200, "5s", 8],
  [100, "1s", 1],
])(
  "compiles the functions of a daemon with %p real servers, checked each %s, %p times later than usual",
  (...given) => {
    const [count, interval, policy] = given;
    const servers = Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}:80`).join(",");
    const options = resolveArgv(["--vs", "10.0.1.1:80", "--rs", servers, "--interval", interval]);
    expect(jitPolicy({ virtualServers: [options] })).toBe(policy);
  },
);
