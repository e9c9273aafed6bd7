import { expect, test } from "bun:test";
import { join } from "node:path";
import { readKubeconfig } from "../../src/config/kubeconfig.ts";
import { TestFolder } from "../app/support/file-daemon.ts";
import { runProgram } from "../cli/run-program.ts";

const KUBECONFIG = JSON.stringify({
  "current-context": "one",
  contexts: ["one", "two"].map((name) => ({ name, context: { cluster: name, user: name } })),
  clusters: ["one", "two"].map((name) => ({ name, cluster: { server: `https://${name}.test:6443` } })),
  users: ["one", "two"].map((name) => ({ name, user: { token: `of-${name}` } })),
});

test("the current context of a kubeconfig counts, unless another is named", () => {
  expect(readKubeconfig(KUBECONFIG, "/")).toMatchObject({ serverName: "one.test", token: { text: "of-one" } });
  expect(readKubeconfig(KUBECONFIG, "/", "two")).toMatchObject({ serverName: "two.test", token: { text: "of-two" } });
  expect(readKubeconfig(KUBECONFIG, "/", "three")).toEqual({ problem: "it has no context three" });
});

test("a configuration file may name a context, which is looked for", async () => {
  await using folder = await TestFolder.make();
  const [kubeconfig, path] = [join(folder.path, "kube.conf"), join(folder.path, "care.yaml")];
  await Bun.write(kubeconfig, KUBECONFIG);
  const check = async (more: string): Promise<string> => {
    const discover = `{type: kubernetes, ${more}}`;
    const servers = `[{address: "10.0.0.1:443", mode: none, probe: {type: tcp}, discover: ${discover}, real-servers: ["10.0.0.2:443"]}]`;
    await Bun.write(path, `version: 1\nvirtual-servers: ${servers}\n`);
    const { stdout, stderr } = await runProgram(["check-config", path]);
    return stdout + stderr;
  };
  expect(await check(`kubeconfig: ${kubeconfig}, context: two`)).not.toContain("context");
  expect(await check(`kubeconfig: ${kubeconfig}, context: three`)).toContain(`${kubeconfig}: it has no context three`);
  expect(await check("context: two")).toContain("needs a kubeconfig");
});
