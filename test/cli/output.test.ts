import { describe, expect, test } from "bun:test";
import { Output, type TakeText } from "../../src/cli/output.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";

/** A reader whose every piece is taken when the test says so. */
class HeldReader {
  readonly pieces: ({ text: string } & PromiseWithResolvers<void>)[] = [];
  readonly take: TakeText = (text) => {
    const piece = { text, ...Promise.withResolvers<void>() };
    this.pieces.push(piece);
    return piece.promise;
  };

  get texts(): string[] {
    return this.pieces.map(({ text }) => text);
  }
}

describe("Output", () => {
  test("flushes when the last write has ended, and counts what has not", async () => {
    const reader = new HeldReader();
    const output = new Output(reader.take);
    void output.write("one\n");
    void output.write("two\n");
    expect(output.pendingLength).toBe(8);
    let flushed = false;
    const flush = output.flush().then(() => (flushed = true));
    reader.pieces[0]?.resolve();
    await waitForEqual(() => reader.texts, ["one\n", "two\n"]);
    expect(flushed).toBe(false);
    reader.pieces[1]?.resolve();
    await flush;
    expect({ flushed, pending: output.pendingLength }).toEqual({ flushed: true, pending: 0 });
  });

  test("keeps the order, and sends together what was written meanwhile", async () => {
    const reader = new HeldReader();
    const output = new Output(reader.take);
    const writes = ["a", "b", "c"].map((text) => output.write(text));
    expect(reader.texts).toEqual(["a"]);
    reader.pieces[0]?.resolve();
    await writes[0];
    await waitForEqual(() => reader.texts, ["a", "bc"]);
    reader.pieces[1]?.resolve();
    await Promise.all(writes);
    const last = output.write("d");
    expect(reader.texts).toEqual(["a", "bc", "d"]);
    reader.pieces[2]?.resolve();
    await last;
  });

  test("hands on no empty text", async () => {
    const reader = new HeldReader();
    const output = new Output(reader.take);
    await output.write("");
    expect(reader.texts).toEqual([]);
  });

  test("takes a reader that went away for the end, and any other failure for one", async () => {
    const reader = new HeldReader();
    const output = new Output(reader.take);
    const gone = output.write("a");
    reader.pieces[0]?.reject(Object.assign(new Error("broken pipe"), { code: "EPIPE" }));
    expect(output.isUnread).toBe(false);
    await gone;
    expect(output.isUnread).toBe(true);
    const full = output.write("b");
    const after = output.write("c");
    reader.pieces[1]?.reject(Object.assign(new Error("disk full"), { code: "ENOSPC" }));
    await expect(full).rejects.toThrow("disk full");
    await waitForEqual(() => reader.texts, ["a", "b", "c"]);
    reader.pieces[2]?.resolve();
    await after;
    await output.flush();
  });
});
