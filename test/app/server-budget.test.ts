import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { ALIVE } from "../cli/care-program.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);

const VS = "127.77.17.1:18094";

test("a budget that stretches the interval is told in the status, and one that does not is not", async () => {
  await using folder = await TestFolder.make();
  const file = join(folder.path, "lvscare.yaml");
  using server = answering(ALIVE);
  const write = (budget: string): Promise<number> =>
    Bun.write(
      file,
      `version: 1
${budget}
virtual-servers:
- address: "${VS}"
  data-plane: userspace
  mode: none
  interval: 1s
  probe: {type: http}
  real-servers: ["${formatEndpoint(server.endpoint)}"]
`,
    );
  await write("checks-per-server: 50/s\ncluster-nodes: 5000");
  await using daemon = new FileDaemon(file, { XDG_RUNTIME_DIR: folder.path });
  await daemon.logged(/took over|new virtual server/);
  const told = async (): Promise<unknown> => (await daemon.status(VS)).virtualServers[0]?.daemon?.serverBudget;
  expect(await told()).toEqual({ perSecond: 50, nodes: 5000, gapMs: 100_000 });
  expect((await daemon.statusText(VS)).replaceAll(/\s+/g, " ")).toContain(
    " budget no real server is checked more than once in 1m40s, whatever its interval says (checks-per-server 50/s, shared by 5000 nodes) ",
  );
  await write("checks-per-server: 50/s");
  expect((await daemon.reload()).code).toBe(0);
  expect(await told()).toBeUndefined();
});
