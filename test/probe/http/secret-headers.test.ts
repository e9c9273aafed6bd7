import { expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { folder } from "../support/programs.ts";
import { check, openProbe } from "./support/probe.ts";
import { rawServer } from "./support/raw-server.ts";

test("a token and headers come from files, over a kept connection, too, as they are at each check", async () => {
  using files = folder();
  const tokenFile = files.write("token", "first\n");
  const headersFile = files.write("headers", "X-One: 1\nX-Two: 2\n");
  using server = rawServer((socket, request) => {
    const isKnown = /^authorization: bearer (first|second)\r$/im.test(request) && /^x-two: 2\r$/im.test(request);
    socket.write(`HTTP/1.1 ${isKnown ? "204 No Content" : "401 Unauthorized"}\r\nContent-Length: 0\r\n\r\n`);
  });
  const probe = openProbe(server.endpoint, { tokenFile, headersFile, sentinel: true });
  const verdict = async (): Promise<readonly [boolean | undefined, string]> => {
    const { passed, reason } = await check(probe);
    return [passed, reason];
  };
  expect(await verdict()).toEqual([true, "status 204"]);
  // As rotation does it.
  renameSync(files.write("next", "second\n"), tokenFile);
  expect(await verdict()).toEqual([true, "status 204"]);
  expect(server.requests.at(-1)).toContain("Bearer second");
  renameSync(files.write("next", "third\n"), tokenFile);
  expect(await verdict()).toEqual([false, "status 401"]);
  renameSync(files.write("next", "no token\n"), tokenFile);
  expect(await verdict()).toEqual([
    undefined,
    `${tokenFile}: its first line is no token: it has characters that none may have`,
  ]);
  rmSync(tokenFile);
  expect(await verdict()).toEqual([undefined, `${tokenFile} cannot be read (ENOENT)`]);
  files.write("token", "first\n");
  renameSync(files.write("next", "X-Two: 2\n\nSecret value\n"), join(files.path, "headers"));
  expect(await verdict()).toEqual([undefined, `${headersFile}: line 3 is no header, such as Name: value`]);
  files.write("headers", "X-Two: 2\nHost: a\nContent-Length: 5\n");
  expect(await verdict()).toEqual([
    undefined,
    `${headersFile}: line 3: "Content-Length" follows from the body and cannot be given`,
  ]);
  files.write("headers", "\n");
  expect(await verdict()).toEqual([undefined, `${headersFile}: it holds no headers`]);
  files.write("token", "\nsecond line\n");
  expect(await verdict()).toEqual([undefined, `${tokenFile}: its first line holds no token`]);
  probe.close();
});

test.each([true, false])(
  "one that failed with a token that was replaced meanwhile is asked once more (over kept connections: %p)",
  async (sentinel) => {
    using files = folder();
    const tokenFile = files.write("token", "token-0\n");
    let rotations = 1;
    using server = rawServer((socket, request) => {
      const isLast = request.includes("Bearer token-2\r\n");
      if (!isLast) renameSync(files.write("next", `token-${rotations++}\n`), tokenFile);
      socket.write(`HTTP/1.1 ${isLast ? "200 OK" : "401 Unauthorized"}\r\nContent-Length: 0\r\n\r\n`);
    });
    const probe = openProbe(server.endpoint, { tokenFile, sentinel });
    // Its token was replaced again: a server that takes none is not asked for ever.
    expect(await check(probe)).toMatchObject({ passed: false, reason: "status 401" });
    expect(server.requests).toHaveLength(2);
    expect(await check(probe)).toMatchObject({ passed: true, reason: "status 200" });
    expect(server.requests).toHaveLength(3);
    probe.close();
  },
);
