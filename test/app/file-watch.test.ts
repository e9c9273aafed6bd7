import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { factsOf, FileWatch, namesIn } from "../../src/app/file-watch.ts";
import { waitFor } from "../kernel/support/wait-for.ts";

let folder = "";
let changes = 0;
let watch: FileWatch;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lvscare-watch-"));
  changes = 0;
});
afterEach(() => {
  watch[Symbol.dispose]();
  jest.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

test("what changed between the reading of a file and the watching of it is told, too", async () => {
  const [file, conf] = [at("file"), at("conf.d")];
  mkdirSync(conf);
  writeFileSync(file, "old");
  const read = { files: new Map([[file, factsOf(file)]]), folders: new Map([[conf, namesIn(conf)]]) };
  writeFileSync(file, "newer");
  watch = new FileWatch(() => changes++);
  watch.follow(read);
  await changesAre(1);
  follow([file], [conf]);
  writeFileSync(join(conf, "a.yaml"), "");
  await changesAre(2);
});

test("a folder that is made anew under its name is watched like the one before", async () => {
  const [file, conf] = [at("etc/file"), at("etc")];
  mkdirSync(conf);
  writeFileSync(file, "1");
  watch = new FileWatch(() => changes++);
  follow([file]);
  renameSync(conf, at("old"));
  mkdirSync(conf);
  writeFileSync(file, "2");
  // Of the folder above nobody tells.
  writeFileSync(at("old/stirs"), "");
  await changesAre(1);
  follow([file]);
  writeFileSync(file, "34");
  await changesAre(2);
});

test("a change that the kernel does not tell of is noticed within ten seconds", () => {
  const [file, alias, below] = [at("file"), at("elsewhere/alias"), at("not/yet/there")];
  mkdirSync(at("elsewhere"));
  mkdirSync(at("etc"));
  writeFileSync(file, "1");
  linkSync(file, alias);
  symlinkSync(file, at("etc/link"));
  jest.useFakeTimers();
  watch = new FileWatch(() => changes++);
  follow([at("etc/link"), below]);
  jest.advanceTimersByTime(20_000);
  expect(changes).toBe(0);
  // Through another name of the same file, in a folder that nobody watches.
  writeFileSync(alias, "22");
  jest.advanceTimersByTime(11_500);
  expect(changes).toBe(1);
  jest.advanceTimersByTime(20_000);
  expect(changes).toBe(1);
  mkdirSync(at("not/yet"), { recursive: true });
  writeFileSync(below, "");
  jest.advanceTimersByTime(11_500);
  expect(changes).toBe(2);
});

test("a change counts once the file stood still for as long as it is to", () => {
  const file = at("file");
  writeFileSync(file, "1");
  jest.useFakeTimers();
  watch = new FileWatch(() => changes++, 1000);
  follow([file]);
  writeFileSync(file, "12");
  jest.advanceTimersByTime(10_750);
  writeFileSync(file, "123");
  jest.advanceTimersByTime(1000);
  expect(changes).toBe(0);
  jest.advanceTimersByTime(500);
  expect(changes).toBe(1);
});

// --- internal ---

function at(name: string): string {
  return join(folder, name);
}

/** As if they had been read just now. */
function follow(files: readonly string[], folders: readonly string[] = []): void {
  watch.follow({
    files: new Map(files.map((path) => [path, factsOf(path)])),
    folders: new Map(folders.map((path) => [path, namesIn(path)])),
  });
}

async function changesAre(expected: number): Promise<void> {
  await waitFor(
    () => changes,
    (now) => now >= expected,
  );
  expect(changes).toBe(expected);
}
