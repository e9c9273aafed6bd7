import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { createBoundedSink, createLogger, type LogSink } from "../../../src/cli/log/create-logger.ts";
import { Output } from "../../../src/cli/output.ts";
import type { LogOptions } from "../../../src/config/care-options.ts";
import { LvscareError } from "../../../src/domain/errors.ts";
import type { Logger } from "../../../src/domain/logger.ts";

beforeEach(() => void setSystemTime(new Date(2026, 10, 24, 2, 38, 49)));
afterEach(() => void setSystemTime());

/** What a logger writes while `use` uses it. */
function logged(options: Partial<LogOptions>, use: (logger: Logger) => void, colour = false): string {
  let text = "";
  const sink: LogSink = { colour, write: (line) => ((text += line), true) };
  use(createLogger({ level: "info", format: "text", ...options }, sink));
  return text;
}

const failure = new LvscareError("KERNEL_REFUSED", "the kernel said no", {
  operation: "add real server 10.0.0.2:6443",
  errno: "ENOENT",
  cause: new TypeError("underneath"),
});

describe("text", () => {
  test("is time, level, message and fields", () => {
    const text = logged({}, (logger) => {
      logger.info("real server removed", { realServer: "10.0.0.2:6443", weight: 0, reason: "timed out after 2s" });
      logger.warn("plain");
      logger.error("broken", { error: failure, nothing: undefined });
    });
    expect(text.split("\n")).toEqual([
      '2026-11-24T02:38:49 INFO real server removed realServer=10.0.0.2:6443 weight=0 reason="timed out after 2s"',
      "2026-11-24T02:38:49 WARN plain",
      '2026-11-24T02:38:49 ERROR broken error="add real server 10.0.0.2:6443: the kernel said no: underneath"',
      "",
    ]);
  });

  test("debug lines come at the debug level only", () => {
    const use = (logger: Logger): void => logger.debug("probe passed");
    expect(logged({}, use)).toBe("");
    expect(logged({ level: "debug" }, use)).toBe("2026-11-24T02:38:49 DEBUG probe passed\n");
  });

  test("one message is one line, whatever is in it", () => {
    const text = logged({}, (logger) => logger.info("a\nb\u001B[2J", { c: "d\ne", f: 'say "hi"', g: "", h: ["x y"] }));
    expect(text).toBe('2026-11-24T02:38:49 INFO a\\nb\\x1b[2J c="d\\ne" f="say \\"hi\\"" g="" h=["x y"]\n');
  });

  test("has colour only where it is wanted", () => {
    const use = (logger: Logger): void => logger.info("up", { weight: 1 });
    expect(logged({}, use)).not.toContain("\u001B");
    const coloured = logged({}, use, true);
    expect(coloured).toContain("\u001B[32mINFO\u001B[0m");
    expect(Bun.stripANSI(coloured)).toBe(logged({}, use));
  });
});

describe("json", () => {
  const entry = (use: (logger: Logger) => void): unknown => JSON.parse(logged({ format: "json" }, use));
  const time = new Date(2026, 10, 24, 2, 38, 49).toISOString();

  test("is one object with time, level and msg first", () => {
    const text = logged({ format: "json" }, (logger) => logger.info("up", { weight: 1, list: ["a"] }));
    expect(text).toBe(`{"time":"${time}","level":"info","msg":"up","weight":1,"list":["a"]}\n`);
  });

  test("keeps an error's code, operation and cause", () => {
    expect(entry((logger) => logger.error("broken", { error: failure }))).toEqual({
      time,
      level: "error",
      msg: "broken",
      error: {
        code: "KERNEL_REFUSED",
        message: "the kernel said no",
        operation: "add real server 10.0.0.2:6443",
        errno: "ENOENT",
        cause: { name: "TypeError", message: "underneath" },
      },
    });
  });

  test("fields do not hide what every line has", () => {
    expect(entry((logger) => logger.info("up", { msg: "mine", level: 3, time: 0 }))).toEqual({
      time,
      level: "info",
      msg: "up",
      msg_: "mine",
      level_: 3,
      time_: 0,
    });
  });

  test("takes values that JSON itself refuses", () => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    const text = logged({ format: "json" }, (logger) =>
      logger.info("odd", { big: 2n, none: Number.NaN, map: new Map([["a", new Set([1])]]), at: new Date(0), loop }),
    );
    expect(JSON.parse(text)).toMatchObject({
      big: "2",
      none: "NaN",
      map: { a: [1] },
      at: "1970-01-01T00:00:00.000Z",
      loop: { self: { self: { self: {} } } },
    });
  });
});

test("nothing is dropped or merged, not even when the clock is set back", () => {
  const text = logged({}, (logger) => {
    for (let i = 0; i < 20; i++) {
      setSystemTime(new Date(2026, 10, 24, 2, 38, 49 - i));
      logger.info("the same again");
    }
  });
  expect(text.match(/the same again/g)).toHaveLength(20);
  expect(text).not.toContain("repeated");
});

describe("with a reader that is stuck", () => {
  test("lines past four mebibytes are dropped, and owned up to when it reads again", async () => {
    const written: string[] = [];
    const stuck = Promise.withResolvers<void>();
    const output = new Output((text) => {
      written.push(text);
      return stuck.promise;
    });
    const logger = createLogger({ level: "info", format: "json" }, createBoundedSink(output, false));
    logger.info("x".repeat(4 * 1024 * 1024));
    for (let i = 0; i < 3; i++) logger.info("dropped");
    expect(written).toHaveLength(1);
    stuck.resolve();
    await output.flush();
    logger.info("read again");
    await output.flush();
    const lines = written.slice(1).join("").trimEnd().split("\n");
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { level: "warn", msg: "log lines were lost", count: 3 },
      { level: "info", msg: "read again" },
    ]);
  });
});

test("lines that a full disk did not take are owned up to when it has room again", async () => {
  const written: string[] = [];
  let isFull = true;
  const output = new Output((text) => {
    if (isFull) return Promise.reject(new Error("no space left on device"));
    written.push(text);
    return Promise.resolve();
  });
  const logger = createLogger({ level: "info", format: "json" }, createBoundedSink(output, false));
  for (let i = 0; i < 3; i++) {
    logger.info("lost");
    await output.flush();
  }
  isFull = false;
  logger.info("written");
  await output.flush();
  const lines = written.join("").trimEnd().split("\n");
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { level: "warn", msg: "log lines were lost", count: 3 },
    { level: "info", msg: "written" },
  ]);
});
