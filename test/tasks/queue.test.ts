import { expect, test } from "bun:test";
import { type Queued, type Resources, runQueue } from "../../tasks/test/queue.ts";
import type { Step, StepResult } from "../../tasks/test/step.ts";

const ROOM = { processors: 2, memoryMb: 4000 };

test("the longest begin first, as many as there is room for, each on the processor that has the fewest", async () => {
  const queue = new Queue([
    ["short", 1, { processors: 0.5 }],
    ["long", 100, { processors: 1 }],
    ["middle", 50, { processors: 0.5 }],
    ["other", 20, { processors: 0.5 }],
  ]);
  expect(queue.began).toEqual(["long on 0", "middle on 1", "other on 0"]);
  await queue.end("other");
  expect(queue.began.at(-1)).toBe("short on 0");
  for (const name of ["long", "middle", "short"]) await queue.end(name);
  expect((await queue.results).map(({ name }) => name)).toEqual(["other", "long", "middle", "short"]);
});

test("one that has no room yet is not overtaken, and alone it has room whatever it takes", async () => {
  const queue = new Queue([
    ["first", 100, { memoryMb: 3000 }],
    ["huge", 50, { memoryMb: 9000 }],
    ["small", 1, { memoryMb: 10 }],
  ]);
  expect(queue.began).toEqual(["first on 0"]);
  await queue.end("first");
  expect(queue.began).toEqual(["first on 0", "huge on 0"]);
  await queue.end("huge");
  await queue.end("small");
  expect(await queue.results).toHaveLength(3);
});

test("of what there is no limit to, any number is taken, and else no more than there is", async () => {
  const guests = ["a", "b", "c"].map((name): [string, number, Resources] => [name, 1, { guests: 1 }]);
  expect(new Queue(guests).began).toHaveLength(3);
  expect(new Queue(guests, { ...ROOM, guests: 2 }).began).toEqual(["a on 0", "b on 1"]);
});

// --- internal ---

/** Steps that end when they are told to. */
class Queue {
  readonly began: string[] = [];
  readonly results: Promise<StepResult[]>;
  readonly #running = new Map<string, () => void>();

  constructor(steps: readonly (readonly [string, number, Resources])[], room: Resources = ROOM) {
    const queued = steps.map(([name, seconds, takes]): Queued => ({ step: stepNamed(name), seconds, takes }));
    this.results = runQueue(queued, { processors: 2, room }, async ({ name }, processor) => {
      this.began.push(`${name} on ${processor}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#running.set(name, resolve);
      await promise;
      return { name, startedAtS: 0, seconds: 1, ...END };
    });
  }

  /** When this is over, what follows it has begun. */
  async end(name: string): Promise<void> {
    this.#running.get(name)?.();
    await Bun.sleep(0);
  }
}

const END = { outcome: { passed: 1, failed: 0, skipped: 0, failures: [] }, processorS: 0 };

function stepNamed(name: string): Step {
  return { name, command: name, run: () => Promise.resolve(END) };
}
