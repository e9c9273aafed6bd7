import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { folder, installServers, startProgram } from "../probe/support/programs.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);
beforeAll(installServers, 300_000);

test("nginx hears how it stands in each virtual server, in one where another port of it is asked, too", async () => {
  await using home = await TestFolder.make();
  using files = folder();
  const environment = { XDG_RUNTIME_DIR: home.path, PATH: process.env["PATH"] ?? "" };
  const heard = join(files.path, "heard");
  await using nginx = await startProgram((port) => [
    "/usr/sbin/nginx",
    "-e",
    "stderr",
    "-c",
    files.write(
      "nginx.conf",
      `daemon off; master_process off; pid ${files.path}/pid; events {}
       http { log_format state "$http_x_lvscare_state"; access_log ${heard} state;
              client_body_temp_path ${files.path}/b; proxy_temp_path ${files.path}/p;
              fastcgi_temp_path ${files.path}/f; uwsgi_temp_path ${files.path}/u; scgi_temp_path ${files.path}/s;
              server { listen 127.0.0.1:${port}; return 200 "ok"; } }`,
    ),
  ]);
  const server = formatEndpoint(nginx.endpoint);
  const probe = "{type: http, scheme: http, path: /, send-state: true";
  const file = files.write(
    "lvscare.yaml",
    `version: 1
defaults: {data-plane: userspace, mode: none, scheduler: wrr, check-way: false, interval: 100ms, fall: 3}
virtual-servers:
- {address: "127.77.17.1:18093", probe: ${probe}}, real-servers: [{address: "${server}", weight: 3}, "127.0.0.1:9"]}
- {address: "127.77.17.1:18094", probe: ${probe}, port: ${nginx.endpoint.port}}, real-servers: ["127.0.0.1:9"]}
`,
  );
  await using _ = new FileDaemon(file, environment);
  const hears = (state: string): Promise<boolean> =>
    waitFor(
      () => Promise.resolve(readFileSync(heard, "latin1").split("\n").includes(state)),
      (isHeard) => isHeard,
    );

  await hears("UP 3/3; weight=3/3; active=0");
  await hears("UP 3/3; weight=1/1; active=0");
  await runProgram(["drain", server], environment);
  await hears("DRAIN 3/3; weight=0/0; active=0");
  // Before its first good check it was in no table.
  const [first] = readFileSync(heard, "latin1").split("\n");
  expect(first).toBe("DOWN 0/1; weight=0/0; active=0");
});
