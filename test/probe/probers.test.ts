import { expect, test } from "bun:test";
import type { ProbeOptions } from "../../src/config/care-options.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { checkOnce } from "./contract.ts";
import { OPTIONS } from "./http/support/probe.ts";
import { answering, deserted } from "./http/support/raw-server.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("another port or address may be asked than the real server's", async () => {
  using server = answering(OK);
  const { port, family, address } = server.endpoint;
  const realServer = parseEndpoint("192.0.2.1:80");
  const asked = { askedAddress: { family, address }, askedPort: port };
  expect(await checkOnce({ ...OPTIONS, ...asked }, realServer)).toMatchObject({ passed: true });
  expect(server.requests.at(-1)).toContain(`\r\nHost: 127.0.0.1:${port}\r\n`);
  expect(await checkOnce({ ...OPTIONS, askedPort: port }, { ...server.endpoint, port: 9 })).toMatchObject({
    passed: true,
  });
});

test("that nobody listens there says nothing of whether the real server can be reached", async () => {
  using server = answering(OK);
  const { port } = deserted();
  const outcome = await checkOnce({ ...OPTIONS, askedPort: port }, server.endpoint);
  expect(outcome).toMatchObject({ passed: false, reason: `127.0.0.1:${port}: connect refused` });
  expect(outcome).not.toHaveProperty("unreachable");
  const nowhere = deserted();
  expect(await checkOnce({ ...OPTIONS, path: "/", askedPort: port }, nowhere)).toMatchObject({ unreachable: true });
});

test("nor does a program's failure: a connection of its own does", async () => {
  using server = answering(OK);
  const probe: ProbeOptions = {
    type: "exec",
    command: ["/bin/false"],
    exitCode: "health",
    output: "text",
    environment: [],
    directory: "/",
    timeoutMs: 5000,
  };
  const outcome = await checkOnce(probe, server.endpoint);
  expect(outcome).toMatchObject({ passed: false, reason: "exit code 1" });
  expect(outcome).not.toHaveProperty("unreachable");
  expect(await checkOnce(probe, deserted())).toMatchObject({ reason: "exit code 1", unreachable: true });
});
