import { expect, test } from "bun:test";
import { createGunzip } from "node:zlib";
import { acceptsGzip, gzipped } from "../../src/control/gzip.ts";

test.each([
  ["gzip", true],
  ["br, gzip;q=0.5", true],
  ["GZIP", true],
  ["gzip;q=0", false],
  ["gzip; q=0.000", false],
  ["br", false],
  ["x-gzip-not", false],
  [undefined, false],
])("a client that accepts %p gets gzip: %p", (header, accepts) => {
  const headers: Record<string, string> = header === undefined ? {} : { "accept-encoding": header };
  expect(acceptsGzip(new Request("http://x", { headers }))).toBe(accepts);
});

test("each message can be read when it has come, none is taken before it is asked for, and a client may leave", async () => {
  let taken = 0;
  let isLeft = false;
  const encoder = new TextEncoder();
  const source = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        controller.enqueue(encoder.encode(`message ${taken++} ${"x".repeat(100_000)}\n`));
      },
      cancel: () => {
        isLeft = true;
      },
    },
    { highWaterMark: 0 },
  );
  const reader = gzipped(source).getReader();
  const gunzip = createGunzip();
  let text = "";
  gunzip.on("data", (chunk: Buffer) => (text += chunk.toString()));
  for (let at = 0; at < 3; at++) {
    expect(taken).toBe(at);
    const { value } = await reader.read();
    expect(value?.length).toBeWithin(5, 2000);
    await new Promise((resolve) => gunzip.write(value, resolve));
    expect(text.split("\n")).toHaveLength(at + 2);
  }
  await reader.cancel();
  expect(isLeft).toBe(true);
});

test("the end of the stream is the end of what is read", async () => {
  const whole = new Response(gzipped(new Blob(["one", "two"]).stream()));
  expect(new TextDecoder().decode(Bun.gunzipSync(await whole.arrayBuffer()))).toBe("onetwo");
});
