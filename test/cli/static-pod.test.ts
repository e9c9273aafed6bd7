import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pod } from "kubernetes-models/v1/Pod";
import { refusal, runProgram } from "./run-program.ts";

const GOLDEN = join(import.meta.dir, "../fixtures/manifest/static-pod.golden");
const GUIDE =
  "--vip 10.103.97.2:6443 --name lvscare --image lvscare:latest --masters 192.168.0.2:6443,192.168.0.3:6443";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lvscare-manifests-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("lvscare static-pod", () => {
  test.each(["static-pod", "static-pod lvscare"])("%s prints, byte for byte, what sealctl does", async (command) => {
    const { code, stdout, stderr } = await runProgram([...command.split(" "), ...GUIDE.split(" "), "--print"]);
    expect([code, stderr, stdout]).toEqual([0, "", `${await Bun.file(GOLDEN).text()}\n`]);
    expectValid(stdout);
  });

  test("writes the file whole, makes its directory, and leaves nothing else in it", async () => {
    const path = join(folder, "some/manifests");
    const { code, stdout, stderr } = await runProgram(["static-pod", ...GUIDE.split(" "), "--path", path]);
    expect([code, stdout, stderr]).toEqual([0, "", `wrote ${path}/lvscare.yaml\n`]);
    expect(await Bun.file(join(path, "lvscare.yaml")).text()).toBe(await Bun.file(GOLDEN).text());
    expect(await readdir(path)).toEqual(["lvscare.yaml"]);
    expect((await stat(join(path, "lvscare.yaml"))).mode & 0o777).toBe(0o600);
  });

  test("has the Go program's defaults", async () => {
    const { stdout } = await runProgram(["static-pod", "--masters", "10.0.0.1:6443", "--print"]);
    const pod = expectValid(stdout);
    expect(pod.metadata).toMatchObject({ name: "kube-sealos-lvscare", namespace: "kube-system" });
    expect(containerOf(pod)).toMatchObject({
      image: "sealos.hub:5000/sealos/lvscare:latest",
      name: "kube-sealos-lvscare",
    });
    expect(containerOf(pod).args?.slice(0, 3)).toEqual(["care", "--vs", "10.103.97.2:6443"]);
  });

  test("appends --options as they are, as k3s clusters need them", async () => {
    const argv = [
      "static-pod",
      "--masters",
      "10.0.0.1:6443",
      "--options",
      "--health-status",
      "--options",
      "401",
      "--print",
    ];
    const { stdout } = await runProgram(argv);
    expect(containerOf(expectValid(stdout)).args?.slice(-4)).toEqual([
      "--rs",
      "10.0.0.1:6443",
      "--health-status",
      "401",
    ]);
    expect(stdout).toContain('    - "401"\n');
  });

  test("takes flags of care themselves, requests, a liveness probe and few rights", async () => {
    const flags =
      "--mode link --fall 3 --panic-threshold 50 --health-path /readyz --sentinel=false --requests cpu=20m,memory=64Mi --liveness --least-privilege";
    const { stdout } = await runProgram(["static-pod", ...GUIDE.split(" "), ...flags.split(" "), "--print"]);
    const pod = expectValid(stdout);
    const container = containerOf(pod);
    expect(container.args?.join(" ")).toBe(
      "care --vs 10.103.97.2:6443 --health-path /readyz --health-schem https --rs 192.168.0.2:6443 --rs 192.168.0.3:6443 " +
        "--fall 3 --panic-threshold 50 --sentinel=false --mode link",
    );
    expect(container.resources).toEqual({ requests: { cpu: "20m", memory: "64Mi" } });
    expect(container.livenessProbe?.exec?.command?.slice(1)).toEqual([
      "status",
      "--vs",
      "10.103.97.2:6443",
      "--need-daemon",
    ]);
    expect(container.securityContext?.capabilities).toEqual({ add: ["NET_ADMIN"], drop: ["ALL"] });
  });

  test("--set-img changes the image of the file that is there, and nothing else", async () => {
    const path = join(folder, "image");
    await Bun.write(join(path, "lvscare.yaml"), `# mine\n${await Bun.file(GOLDEN).text()}`);
    const argv = ["static-pod", "--path", path, "--name", "lvscare", "--image", "lvscare:v2", "--set-img"];
    expect((await runProgram(argv)).code).toBe(0);
    const expected = `# mine\n${(await Bun.file(GOLDEN).text()).replace("lvscare:latest", "lvscare:v2")}`;
    expect(await Bun.file(join(path, "lvscare.yaml")).text()).toBe(expected);
    expect(await refusal([...argv, "--name", "other"])).toEqual([
      expect.stringMatching(/other\.yaml: there is no such file/),
    ]);
  });

  test.each([
    ["", ["--masters: must not be empty"]],
    ["--masters 10.0.0.1", [expect.stringContaining('--masters: "10.0.0.1"')]],
    ["--masters 10.0.0.1:1 --vip here:80", [expect.stringContaining('--vip: "here:80"')]],
    ["--masters 10.0.0.1:1 --name Lvs_Care", [expect.stringContaining("--name:")]],
    ["--masters 10.0.0.1:1 --path=", [expect.stringContaining("--path:")]],
    ["--masters 10.0.0.1:1 --requests cpu", [expect.stringContaining("--requests:")]],
    ["--masters 10.0.0.1:1 --options --fal=3", [expect.stringContaining("--fall")]],
    ["--masters 10.0.0.1:1 --fall none", [expect.stringContaining("--fall:")]],
    ["other --masters 10.0.0.1:1", [expect.stringContaining('there is no static pod "other"')]],
  ])("refuses %p and writes nothing", async (flags, problems) => {
    const path = join(folder, "refused");
    expect<unknown>(await refusal(["static-pod", "--path", path, ...flags.split(" ").filter(Boolean)])).toEqual(
      problems,
    );
    expect(await readdir(folder)).not.toContain("refused");
  });
});

// --- internal ---

/** Held to the schema that Kubernetes publishes. */
function expectValid(yaml: string): Pod {
  const pod = new Pod(Bun.YAML.parse(yaml) as ConstructorParameters<typeof Pod>[0]);
  pod.validate();
  return pod;
}

function containerOf(pod: Pod) {
  const [container] = pod.spec?.containers ?? [];
  if (container === undefined) throw new Error("no container");
  return container;
}
