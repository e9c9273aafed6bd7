import { describe, expect, test } from "bun:test";
import { Output, type OutputStream } from "../../src/cli/output.ts";

/** A stream whose writes end when the test says so. */
class HeldStream implements OutputStream {
  readonly writes: { text: string; done: (error?: Error | null) => void }[] = [];
  listeners = 0;

  write(text: string, done: (error?: Error | null) => void): void {
    this.writes.push({ text, done });
  }

  on(): void {
    this.listeners++;
  }
}

describe("Output", () => {
  test("flushes when the last write has ended, and counts what has not", async () => {
    const stream = new HeldStream();
    const output = new Output(stream);
    void output.write("one\n");
    void output.write("two\n");
    expect(output.pendingLength).toBe(8);
    let flushed = false;
    const flush = output.flush().then(() => (flushed = true));
    stream.writes[0]?.done();
    await Promise.resolve();
    expect(flushed).toBe(false);
    stream.writes[1]?.done();
    await flush;
    expect({ flushed, pending: output.pendingLength }).toEqual({ flushed: true, pending: 0 });
  });

  test("takes a reader that went away for the end, and any other failure for one", async () => {
    const stream = new HeldStream();
    const output = new Output(stream);
    const gone = output.write("a");
    stream.writes[0]?.done(Object.assign(new Error("broken pipe"), { code: "EPIPE" }));
    await gone;
    const full = output.write("b");
    stream.writes[1]?.done(Object.assign(new Error("disk full"), { code: "ENOSPC" }));
    expect(full).rejects.toThrow("disk full");
    await output.flush();
    expect(stream.listeners).toBe(1);
  });
});
