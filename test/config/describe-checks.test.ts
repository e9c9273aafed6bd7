import { expect, test } from "bun:test";
import { describeChecks } from "../../src/config/describe-checks-change.ts";
import { parseDocument } from "../../src/config/file/parse-document.ts";
import { readConfig } from "../../src/config/file/read-config.ts";

test("several checks are told by their names, and how many real servers have their own", () => {
  const text = `version: 1
probes: {web: {type: http, path: /a, timeout: 2s}, port: {type: tcp, timeout: 2s}}
virtual-servers:
- address: 10.0.0.1:80
  probes: {all: [web, port]}
  real-servers: [10.0.0.2:80, {address: 10.0.0.3:80, probe: port}]
`;
  const { config, findings } = readConfig([parseDocument({ name: "f", text })]);
  const [virtualServer] = config?.virtualServers ?? [];
  if (virtualServer === undefined) throw new Error(JSON.stringify(findings));
  expect(describeChecks(virtualServer)).toEqual([
    "probes: all of web, port",
    "web.type: http",
    "web.scheme: https",
    "web.path: /a",
    "web.method: GET",
    "web.expect.status: [100-399]",
    "web.tls.verify: none",
    "web.connect-timeout: 2s",
    "web.timeout: 2s",
    "port.type: tcp",
    "port.connect-timeout: 2s",
    "port.timeout: 2s",
    "with checks of their own: 1",
  ]);
});
