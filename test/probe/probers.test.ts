import { expect, test } from "bun:test";
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
  expect(await checkOnce({ ...OPTIONS, askedPort: port }, { ...deserted(), port: 9 })).toMatchObject({ passed: true });
});

test("that nobody listens there says nothing of whether the real server can be reached", async () => {
  const { port } = deserted();
  const outcome = await checkOnce({ ...OPTIONS, askedPort: port }, parseEndpoint("127.0.0.1:80"));
  expect(outcome).toMatchObject({ passed: false, reason: "connect refused" });
  expect(outcome).not.toHaveProperty("unreachable");
});
