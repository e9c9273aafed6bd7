import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pod } from "kubernetes-models/v1/Pod";
import { LVSCARE, refusal, runProgram, type ProgramResult } from "./run-program.ts";

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
    const argv = [...command.split(" "), ...GUIDE.split(" "), "--print", "--path", join(folder, "printed")];
    const { code, stdout, stderr } = await runProgram(argv);
    expect([code, stderr, stdout]).toEqual([0, "", `${await Bun.file(GOLDEN).text()}\n`]);
    expect(await readdir(folder)).not.toContain("printed");
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

  test.each([
    [
      "--discover kubernetes --health-schem kube-apiserver",
      ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki", "/var/lib/lvscare"],
    ],
    [
      "--discover kubernetes:shop/web --kubeconfig /srv/web.conf --cache-directory /srv/cache",
      ["/srv/web.conf", "/srv/cache"],
    ],
    ["--health-schem kube-apiserver --kubeconfig /srv/probe.conf", ["/srv/probe.conf"]],
    ["--discover file:/run/members/list", ["/run/members", "/var/lib/lvscare"]],
  ])("shows the daemon what it reads and writes of the host: %s", async (flags, paths) => {
    const { stdout } = await runProgram(["static-pod", ...GUIDE.split(" "), ...flags.split(" "), "--print"]);
    const pod = expectValid(stdout);
    const mounts = containerOf(pod).volumeMounts ?? [];
    expect(mounts.map(({ mountPath }) => mountPath)).toEqual(["/lib/modules", ...paths]);
    expect(mounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name)).toEqual(
      flags.includes("discover") ? ["cache"] : [],
    );
    const volumes = pod.spec?.volumes ?? [];
    expect(volumes.map(({ name, hostPath }) => [name, hostPath?.path])).toEqual(
      mounts.map(({ name, mountPath }) => [name, mountPath]),
    );
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

  test("with --config mounts the folder of the file, so that an exchanged one is seen", async () => {
    const flags = "--config /etc/lvscare/care.yaml --http-listen 9105 --liveness --least-privilege";
    const { code, stdout } = await runProgram(["static-pod", ...flags.split(" "), "--print"]);
    expect(code).toBe(0);
    const pod = expectValid(stdout);
    const container = containerOf(pod);
    expect(container.args).toEqual(["care", "--config", "/etc/lvscare/care.yaml", "--http-listen", "9105"]);
    expect(container.volumeMounts?.filter(({ name }) => name === "config")).toEqual([
      { mountPath: "/etc/lvscare", name: "config", readOnly: true },
    ]);
    expect(pod.spec?.volumes?.filter(({ name }) => name === "config")).toEqual([
      { hostPath: { path: "/etc/lvscare", type: "Directory" }, name: "config" },
    ]);
    // Of its virtual servers each may go.
    expect(container.livenessProbe?.httpGet).toEqual({ host: "127.0.0.1", path: "/healthz", port: 9105 });
    const { stdout: withAddress } = await runWithHosts("10.0.0.5 lvscare.node.ip", [
      "static-pod",
      "--config=/etc/lvscare/care.yaml",
      "--print",
    ]);
    expect(containerOf(expectValid(withAddress)).env).toEqual([{ name: "LVSCARE_NODE_IP", value: "10.0.0.5" }]);
  });

  test.each([
    ["10.0.0.5 node5 lvscare.node.ip # us", GUIDE, "10.0.0.5"],
    ["10.0.0.4 lvscare.node.ip\n#10.0.0.6 lvscare.node.ip\n10.0.0.5\tLVScare.node.ip", GUIDE, "10.0.0.5"],
    ["10.0.0.5 lvscare.node.ip\nfd00::5 lvscare.node.ip\n", GUIDE, "10.0.0.5"],
    [
      "fd00::5 lvscare.node.ip\n10.0.0.5 lvscare.node.ip\n",
      "--vip [fd00:96::1]:6443 --masters [fd00::2]:6443",
      "fd00::5",
    ],
  ])("hands the daemon the node's address in the hosts file %p", async (hosts, flags, address) => {
    const { stdout } = await runWithHosts(hosts, ["static-pod", ...flags.split(" "), "--print"]);
    expect(containerOf(expectValid(stdout)).env).toEqual([{ name: "LVSCARE_NODE_IP", value: address }]);
    expect(stdout).toContain(
      `    command:\n    - /usr/bin/lvscare\n    env:\n    - name: LVSCARE_NODE_IP\n      value: ${address}\n    image: `,
    );
  });

  test("refuses a node's address in the hosts file that the daemon would refuse, where the daemon needs one", async () => {
    const argv = ["static-pod", "--vip", "[fd00:96::1]:6443", "--masters", "[fd00::2]:6443", "--print"];
    const hosts = "10.0.0.5 lvscare.node.ip";
    const { stderr, ...refused } = await runWithHosts(hosts, argv);
    expect(refused).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^lvscare: lvscare\.node\.ip in \/etc\/hosts is "10\.0\.0\.5".*--ip.*\n$/);
    expect(await runWithHosts(hosts, [...argv, "--mode", "link"])).toMatchObject({ code: 0 });
    expect(await runWithHosts(hosts, [...argv, "--ip", "fd00::5"])).toMatchObject({ code: 0 });
  });

  test("--set-img changes the image of the file that is there, and nothing else", async () => {
    const path = join(folder, "image");
    const [file, own] = [join(path, "lvscare.yaml"), join(path, "own.yaml")];
    const before = `# mine\n${await Bun.file(GOLDEN).text()}`;
    await Bun.write(own, before);
    await chmod(own, 0o640);
    await symlink("own.yaml", file);
    const argv = ["static-pod", "--path", path, "--name", "lvscare", "--image", "lvscare:v2", "--set-img"];
    const expected = before.replace("lvscare:latest", "lvscare:v2");
    expect(await runProgram([...argv, "--print"])).toEqual({ code: 0, stdout: `${expected}\n`, stderr: "" });
    expect(await Bun.file(file).text()).toBe(before);
    expect((await runProgram(argv)).code).toBe(0);
    expect(await Bun.file(own).text()).toBe(expected);
    expect((await stat(own)).mode & 0o777).toBe(0o640);
    expect(await readlink(file)).toBe("own.yaml");
    expect((await readdir(path)).toSorted()).toEqual(["lvscare.yaml", "own.yaml"]);
    expect(await refusal([...argv, "--name", "other"])).toEqual([
      expect.stringMatching(/other\.yaml: there is no such file .*--name says which/),
    ]);
  });

  test.each(["lvscare", "kind: Service\n"])("--set-img leaves a file that holds %p as it is", async (text) => {
    const path = join(folder, "strange");
    await Bun.write(join(path, "lvscare.yaml"), text);
    const lines = await refusal(["static-pod", "--path", path, "--name", "lvscare", "--set-img"]);
    expect(lines).toEqual([expect.stringMatching(/strange\/lvscare\.yaml: it is no Pod/)]);
    expect(await Bun.file(join(path, "lvscare.yaml")).text()).toBe(text);
  });

  test.each([
    ["--fall 3 --health-path /readyz", ["--fall", "--health-path"]],
    ["--liveness --least-privilege", ["--liveness", "--least-privilege"]],
    ["--requests cpu=20m", ["--requests"]],
  ])("--set-img refuses %p, which would change nothing", async (flags, names) => {
    const argv = ["static-pod", "--path", folder, "--set-img", ...flags.split(" ")];
    expect((await refusal(argv)).toSorted()).toEqual(
      names.map((name) => `${name}: has no effect with --set-img, which changes the image only`).toSorted(),
    );
  });

  test.each([
    ["", ["--masters: must not be empty"]],
    ["--masters=", ["--masters: must not be empty"]],
    ["--masters 10.0.0.1", [expect.stringContaining('--masters: "10.0.0.1"')]],
    ["--masters 10.0.0.1:1,", ["--masters: one of them is empty; a real server may have been forgotten"]],
    ["--masters 10.0.0.1:1 --masters=", ["--masters: one of them is empty; a real server may have been forgotten"]],
    ["--masters [fd00::1]:1", ['--masters: "[fd00::1]:1" is IPv6 but the virtual server is IPv4']],
    ["--masters 10.0.0.1:1 --vip 10.0.0.1:1", ['--masters: "10.0.0.1:1" is the virtual server itself']],
    ["--masters 10.0.0.1:1 --vip here:80", [expect.stringContaining('--vip: "here:80"')]],
    ["--masters 10.0.0.1:1 --vip 224.0.0.1:80", ['--vip: "224.0.0.1:80" is no address of a single host']],
    ["--masters 10.0.0.1:1 --name Lvs_Care", [expect.stringContaining('--name: "Lvs_Care"')]],
    ["--masters 10.0.0.1:1 --name ../up", [expect.stringContaining('--name: "../up"')]],
    ["--masters 10.0.0.1:1 --image LVSCARE:latest", ['--image: "LVSCARE:latest" is no name of an image']],
    ["--masters 10.0.0.1:1 --path=", [expect.stringContaining('--path: ""')]],
    ["--masters 10.0.0.1:1 --requests cpu", [expect.stringContaining('--requests: "cpu"')]],
    ["--masters 10.0.0.1:1 --requests memory=64m", [expect.stringContaining('--requests: "memory=64m"')]],
    ["--masters 10.0.0.1:1 --requests cpu=20Mi", [expect.stringContaining('--requests: "cpu=20Mi"')]],
    ["--masters 10.0.0.1:1 --print=maybe", ['--print: "maybe" is neither true nor false']],
    ["--masters 10.0.0.1:1 --set-img=maybe", ['--set-img: "maybe" is neither true nor false']],
    ["--masters 10.0.0.1:1 --liveness=maybe", ['--liveness: "maybe" is neither true nor false']],
    ["--masters 10.0.0.1:1 --least-privilege=maybe", ['--least-privilege: "maybe" is neither true nor false']],
    ["--masters 10.0.0.1:1 --options --fal=3", [expect.stringContaining("--fall")]],
    [
      "--masters 10.0.0.1:1 --options --vs=10.0.0.9:1",
      ['--vip: "10.103.97.2:6443" and "10.0.0.9:1" are two virtual servers; start one lvscare for each'],
    ],
    ...["--run-once", "--clean", "--help"].map((flag): [string, unknown[]] => [
      `--masters 10.0.0.1:1 --options ${flag}`,
      [`--options: "${flag}" ends at once, and kubelet would start it again for ever`],
    ]),
    ["--masters 10.0.0.1:1 --fall none", [expect.stringContaining('--fall: "none"')]],
    ["--masters 10.0.0.1:1 --ip fd00::1", [expect.stringContaining('--ip: "fd00::1"')]],
    ["--vs 10.0.0.1:1 --masters 10.0.0.1:1", ["unknown flag --vs; did you mean --vip?"]],
    ["--vip 10.0.0.1:1 --rs 10.0.0.1:1", ["unknown flag --rs; did you mean --masters?"]],
    ["--config care.yaml", ['--config: "care.yaml" is no absolute path']],
    ["--config /etc/care.yaml", [expect.stringMatching(/^--config: the pod is given the whole folder of/)]],
    [
      "--config /etc/lvscare/care.yaml --vip 10.0.0.1:1 --masters 10.0.0.2:1",
      ["--vip", "--masters"].map((flag) => `${flag}: it belongs into the file that --config names`),
    ],
    [
      "--config /etc/lvscare/care.yaml --options --fall=3",
      ["--fall: it belongs to a virtual server, and so into the file that --config names"],
    ],
    [
      "--config /etc/lvscare/care.yaml --liveness",
      ["--liveness: beside --config it asks the daemon's page; give --http-listen, too"],
    ],
    [
      "--config /etc/lvscare/care.yaml --options --clean",
      ['--options: "--clean" ends at once, and kubelet would start it again for ever'],
    ],
    ["--config /etc/lvscare/care.yaml --set-img", [expect.stringMatching(/^--config: has no effect with --set-img/)]],
    ["other --masters 10.0.0.1:1", [expect.stringContaining('there is no static pod "other"')]],
  ])("refuses %p and writes nothing", async (flags, problems) => {
    const path = join(folder, "refused");
    expect<unknown>(await refusal(["static-pod", "--path", path, ...flags.split(" ").filter(Boolean)])).toEqual(
      problems,
    );
    expect(await readdir(folder)).not.toContain("refused");
  });

  test("says why it cannot write, and leaves nothing behind", async () => {
    const path = join(folder, "full");
    await mkdir(join(path, "lvscare.yaml"), { recursive: true });
    expect(await refusal(["static-pod", ...GUIDE.split(" "), "--path", path])).toEqual([
      expect.stringMatching(/^write .*\/full\/lvscare\.yaml: EISDIR/),
    ]);
    expect(await readdir(path)).toEqual(["lvscare.yaml"]);
    await Bun.write(join(folder, "file"), "");
    expect(await refusal(["static-pod", ...GUIDE.split(" "), "--path", join(folder, "file")])).toEqual([
      expect.stringMatching(/^write .*\/file\/lvscare\.yaml: EEXIST/),
    ]);
  });

  test.each([
    "lvscare",
    "lvscare:latest",
    "sealos.hub:5000/sealos/lvscare:v4.3.7-rc1_x",
    "LOCAL.registry/a/b__c/d-e",
    "[fd00::1]:5000/lvscare",
    `lvscare@sha256:${"0a".repeat(32)}`,
  ])("takes the image %s", async (image) => {
    const argv = ["static-pod", "--masters", "10.0.0.1:6443", "--image", image, "--print"];
    expect(containerOf(expectValid((await runProgram(argv)).stdout)).image).toBe(image);
  });
});

// --- internal ---

/** In a mount namespace of its own, where the hosts file is this one. */
async function runWithHosts(hosts: string, argv: readonly string[]): Promise<ProgramResult> {
  const path = join(folder, `hosts-${crypto.randomUUID()}`);
  await Bun.write(path, hosts);
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  const inside = ["unshare", "--mount", "sh", "-c", script, path, ...LVSCARE, ...argv];
  await using child = Bun.spawn(inside, { env: { PATH: process.env["PATH"] }, stdin: "ignore", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

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
