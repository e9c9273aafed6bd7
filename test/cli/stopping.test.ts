import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { listenForStop } from "../../src/cli/stopping.ts";

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (name) => {
  test("asks to stop, and a second one ends the process with 1", async () => {
    await using child = Bun.spawn([process.execPath, join(import.meta.dir, "stopping-fixture.ts")], {
      stdin: "pipe",
      stdout: "pipe",
    });
    const seen: string[] = [];
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const text = decoder.decode(chunk);
      seen.push(...text.trim().split("\n"));
      child.kill(name);
    }
    expect(seen).toEqual(["ready", "stopping"]);
    expect(await child.exited).toBe(1);
  });
});

test("nothing listens any more once it is disposed of", () => {
  const before = process.listenerCount("SIGTERM");
  const stop = listenForStop(() => undefined);
  expect(process.listenerCount("SIGTERM")).toBe(before + 1);
  stop[Symbol.dispose]();
  expect(process.listenerCount("SIGTERM")).toBe(before);
  expect(stop.signal.aborted).toBe(false);
});
