import { expect, test } from "bun:test";
import { EventQueue, type LvscareEvent } from "../../src/app/event-queue.ts";

test("drops the oldest events for a consumer that is too slow, and tells how many", async () => {
  const queue = new EventQueue(() => undefined);
  for (let id = 1; id <= 50_000; id++) queue.push(event(id));
  queue.end();
  const [first, ...rest] = await Array.fromAsync(queue);
  expect(rest.length).toBeLessThan(10_100);
  expect(rest.length).toBeGreaterThan(9900);
  expect(first?.missed).toBe(50_000 - 1 - rest.length);
  expect(first?.id).toBe((first?.missed ?? 0) + 1);
  expect(rest.at(-1)).toEqual(event(50_000));
  expect(rest.filter(({ missed }) => missed !== undefined)).toEqual([]);
});

test("gives events to those who wait, in order, until the consumer leaves", async () => {
  const left: EventQueue[] = [];
  const queue = new EventQueue((one) => void left.push(one));
  const taken = [queue.next(), queue.next(), queue.next()];
  queue.push(event(1));
  queue.push(event(2));
  await queue.return();
  expect(await Promise.all(taken)).toEqual([
    { done: false, value: event(1) },
    { done: false, value: event(2) },
    { done: true, value: undefined },
  ]);
  expect(left).toEqual([queue]);
  expect(await queue.next()).toEqual({ done: true, value: undefined });
});

// --- internal ---

function event(id: number): LvscareEvent {
  return { id, at: "2026-11-24T10:00:00.000Z", sinceBootMs: id, level: "info", message: "", type: "process.stalled" };
}
