import { once } from "node:events";
import { expect, test } from "bun:test";
import { OwnTime } from "../../src/control/own-time.ts";

test("a process that stood still hears what came meanwhile before its time is over", async () => {
  using time = new OwnTime(30);
  standStill(60);
  await turn();
  expect(time.signal.aborted).toBe(false);
  await once(time.signal, "abort");
});

test("nothing is aborted once that is disposed of", async () => {
  const time = new OwnTime(30);
  time[Symbol.dispose]();
  using other = new OwnTime(60);
  await once(other.signal, "abort");
  expect(time.signal.aborted).toBe(false);
});

// --- internal ---

/** As a process does that its host gives no turn. */
function standStill(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** In which every timer rings that is due. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
