import { expect, test } from "bun:test";
import type { HttpProbeOptions } from "../../../src/config/care-options.ts";
import { failed, passed, probe } from "./support/probe.ts";
import { answering } from "./support/raw-server.ts";

const ANSWER = 'HTTP/1.1 200 OK\r\nX-Role: primary\r\nContent-Length: 13\r\n\r\n{"ok": true}\n';
const SHA256 = new Bun.CryptoHasher("sha256").update('{"ok": true}\n').digest("hex");

test.each<[Partial<HttpProbeOptions>, string | undefined]>([
  [{ expectBody: { contains: '"ok"' } }, undefined],
  [{ expectBody: { contains: "ready" } }, 'its body does not hold "ready"'],
  [{ expectBody: { regex: '"ok":\\s*true' } }, undefined],
  [{ expectBody: { regex: "^true" } }, "its body does not match"],
  [{ expectBody: { sha256: SHA256 } }, undefined],
  [{ expectBody: { sha256: "0".repeat(64) } }, "its body is another one"],
  [{ expectBody: { not: { contains: "false" } } }, undefined],
  [{ expectBody: { not: { contains: "true" } } }, 'its body holds "true"'],
  [{ expectBody: { not: { regex: "tr.e" } } }, "its body matches what it must not"],
  [{ expectBody: { contains: "ok", regex: "false" } }, "its body does not match"],
  [{ expectHeaders: [["x-role", "^primary$"]] }, undefined],
  [{ expectHeaders: [["x-role", "standby"]] }, "its header x-role does not match"],
  [{ expectHeaders: [["x-other", "."]] }, "it has no header x-other"],
])("expecting %j: %s", async (options, lacking) => {
  using server = answering(ANSWER);
  expect(await probe(server.endpoint, options)).toEqual(
    lacking === undefined ? passed("status 200") : failed(`status 200, but ${lacking}`),
  );
});

test.each<[Partial<HttpProbeOptions>, string | undefined]>([
  [{ expectBody: { contains: "begin" } }, undefined],
  [{ expectBody: { contains: "end" } }, 'its body does not hold "end" in its first 64 KiB'],
  [{ expectBody: { regex: "begin" } }, "its body is longer than 64 KiB"],
  [{ expectBody: { sha256: SHA256 } }, "its body is longer than 64 KiB"],
  [{ expectBody: { not: { contains: "end" } } }, "its body is longer than 64 KiB"],
])("of a body that is longer than what is read, expecting %j: %s", async (options, lacking) => {
  using server = answering(`HTTP/1.1 200 OK\r\nContent-Length: 70008\r\n\r\nbegin${"x".repeat(70_000)}end`);
  expect(await probe(server.endpoint, options)).toEqual(
    lacking === undefined ? passed("status 200") : failed(`status 200, but ${lacking}`),
  );
});

test("a status may say that the server is shutting down, or that its failure counts at once", async () => {
  using leaving = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  using broken = answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  expect([
    await probe(leaving.endpoint, { drainOn: [[404, 404]] }),
    await probe(broken.endpoint, { failAtOnce: [[500, 599]] }),
  ]).toMatchObject([
    { passed: false, reason: "status 404: it is shutting down", leaving: true },
    { passed: false, reason: "status 503", atOnce: true },
  ]);
});
