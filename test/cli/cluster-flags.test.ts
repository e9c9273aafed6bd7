import { expect, test } from "bun:test";
import { join } from "node:path";
import { TestFolder } from "../app/support/file-daemon.ts";
import { refusal } from "./run-program.ts";

const HOME = { HOME: "/nobody" };

test.each([
  [
    "drain 10.0.0.2:80 web --cluster",
    [
      '"10.0.0.2:80" is no IP address; with --cluster, name a real server by its address without a port',
      '"web" is no IP address; with --cluster, name a real server by its address without a port',
    ],
  ],
  ["undrain --cluster --vs web", ["--vs: does not go with --cluster", "name an address: <IP>"]],
  ["drain 10.0.0.2:80 --context a", ["--context: goes with --cluster alone"]],
  ["status --service a/b", ["--service: goes with --cluster alone"]],
  [
    "status --cluster --watch --exit-code",
    ["--watch: does not go with --cluster", "--exit-code: does not go with --cluster"],
  ],
  ["status --cluster --service A", ['--service: "A" is no service; write namespace/name']],
])("lvscare %s is refused", async (line, problems) => {
  expect((await refusal(line.split(" "), HOME)).toSorted()).toEqual(problems.toSorted());
});

test("the kubeconfig is that of kubectl, as long as it is one", async () => {
  const [told] = await refusal(["status", "--cluster"], HOME);
  expect(told).toContain("/nobody/.kube/config, or a file that it names, cannot be read (ENOENT)");
  expect(await refusal(["status", "--cluster"], { ...HOME, KUBECONFIG: "/a:/b" })).toEqual([
    "--cluster: $KUBECONFIG names several files; name one by --kubeconfig",
  ]);
  expect(await refusal(["status", "--cluster"])).toEqual(["--cluster: needs --kubeconfig"]);
});

test("a cluster that does not answer is told by what was to be done, and where", async () => {
  await using folder = await TestFolder.make();
  const kubeconfig = join(folder.path, "admin.conf");
  const one = {
    name: "lab",
    user: { token: "t" },
    cluster: { server: "https://127.0.0.1:1" },
    context: { cluster: "lab", user: "lab" },
  };
  await Bun.write(kubeconfig, JSON.stringify({ contexts: [one], clusters: [one], users: [one] }));
  const line = ["drain", "10.0.0.2", "--cluster", "--service", "shop/web", "--kubeconfig", kubeconfig, "--context"];
  expect(await refusal([...line, "lab"])).toEqual(["read service shop/web: 127.0.0.1:1: connect refused"]);
  expect(await refusal(["status", "--cluster", "--kubeconfig", kubeconfig, "--context", "lab"])).toEqual([
    "read service default/kubernetes: 127.0.0.1:1: connect refused",
  ]);
  expect(await refusal([...line, "other"])).toEqual([`read service shop/web: ${kubeconfig}: it has no context other`]);
});
