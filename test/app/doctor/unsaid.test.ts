import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";
import type { DoctorReport } from "../../../src/domain/finding.ts";
import { certificateAuthority } from "../../probe/http/support/certificates.ts";
import { folder, installServers, startProgram, type Program } from "../../probe/support/programs.ts";
import { FileDaemon, TestFolder } from "../support/file-daemon.ts";

setDefaultTimeout(120_000);
beforeAll(installServers, 300_000);

test("doctor tells of tcp checks of a server that speaks TLS, and of no other", async () => {
  await using home = await TestFolder.make();
  using files = folder();
  const environment = { XDG_RUNTIME_DIR: home.path, PATH: process.env["PATH"] ?? "" };
  const identity = certificateAuthority().issue(["127.0.0.1"]);
  const [cert, key] = [files.write("server.pem", identity.cert), files.write("server.key", identity.key)];
  const openssl = (...more: readonly string[]): Promise<Program> =>
    startProgram((port) => [
      ...`openssl s_server -quiet -accept 127.0.0.1:${port} -cert ${cert} -key ${key}`.split(" "),
      ...more,
    ]);
  await using open = await openssl();
  await using closed = await openssl("-Verify", "1", "-verify_return_error", "-CAfile", cert);
  await using redis = await startProgram((port) =>
    `redis-server --bind 127.0.0.1 --port ${port} --save`.split(" ").concat(""),
  );
  const [tls, demanding, plain] = [open, closed, redis].map(({ endpoint }) => formatEndpoint(endpoint));
  const file = files.write(
    "lvscare.yaml",
    `version: 1
defaults: {data-plane: userspace, mode: none, check-way: false, interval: 200ms, probe: {type: tcp}}
virtual-servers:
- {name: tls, address: "127.77.18.1:18095", real-servers: ["${tls}"]}
- {name: demanding, address: "127.77.18.1:18096", real-servers: ["${demanding}"]}
- {name: plain, address: "127.77.18.1:18097", real-servers: ["${plain}"]}
- {name: asked, address: "127.77.18.1:18098", real-servers: ["${tls}"], probe: {type: tls}}
`,
  );
  await using daemon = new FileDaemon(file, environment);
  for (const server of [tls, demanding, plain])
    await daemon.logged(new RegExp(`real server ${server} recovering → healthy`));
  const report = JSON.parse(
    await daemon.ask("doctor", "--vs", "tls,demanding,plain,asked", "-o", "json"),
  ) as DoctorReport;
  const told = report.findings.filter(({ check }) => check === "probe");
  expect(told.map(({ realServer, message }) => [realServer, message.split(": ")[0]])).toEqual(
    [tls, demanding].map((server) => [server, `${server} speaks TLS, and checks of type tcp say nothing`]),
  );
});
