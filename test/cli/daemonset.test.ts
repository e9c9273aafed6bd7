import { describe, expect, test } from "bun:test";
import { DaemonSet } from "kubernetes-models/apps/v1/DaemonSet";
import { refusal, runProgram } from "./run-program.ts";

const VS = "--vs 10.30.0.1:80 --health-schem http";

describe("lvscare daemonset", () => {
  test("prints an account, the right to watch a service's endpoints, and the pods that use both", async () => {
    const objects = await printed(`${VS} --discover kubernetes:shop/web --http-listen 0.0.0.0:9105`);
    expect(objects.map(({ kind, metadata }) => [kind, metadata["namespace"]])).toEqual([
      ["ServiceAccount", "kube-system"],
      ["Role", "shop"],
      ["RoleBinding", "shop"],
      ["Namespace", undefined],
      ["Role", "lvscare-reports"],
      ["RoleBinding", "lvscare-reports"],
      ["DaemonSet", "kube-system"],
    ]);
    const pod = podOf(objects);
    expect(pod).toMatchObject({ automountServiceAccountToken: true, hostNetwork: true, serviceAccountName: "lvscare" });
    const [container] = pod.containers;
    expect(container?.args?.join(" ")).toBe(
      "care --vs 10.30.0.1:80 --discover kubernetes:shop/web --health-schem http --http-listen 0.0.0.0:9105",
    );
    expect(container?.env).toEqual([
      { name: "LVSCARE_NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ]);
    expect(container?.livenessProbe?.httpGet).toEqual({ path: "/healthz", port: 9105 });
    expect(container?.readinessProbe?.httpGet).toEqual({ path: "/readyz", port: 9105 });
    expect(container?.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
    expect(
      container?.volumeMounts?.flatMap(({ mountPath, readOnly }) => (readOnly === true ? [] : [mountPath])),
    ).toEqual(["/var/lib/lvscare", "/run/lvscare"]);
  });

  test("gives no rights where nobody asks the cluster", async () => {
    const objects = await printed(
      `${VS} --rs 10.31.0.1:80 --name web --namespace lb --image reg.io/lvscare:v1 --requests cpu=20m`,
    );
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata["namespace"]}/${metadata["name"]}`)).toEqual([
      "ServiceAccount lb/web",
      "DaemonSet lb/web",
    ]);
    const pod = podOf(objects);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.containers[0]).toMatchObject({
      image: "reg.io/lvscare:v1",
      resources: { requests: { cpu: "20m" } },
      livenessProbe: { exec: { command: ["/usr/bin/lvscare", "status", "--vs", "10.30.0.1:80", "--need-daemon"] } },
    });
    expect(pod.containers[0]?.ports).toBeUndefined();
  });

  test("makes the kernel settings of its mode before the daemon starts, which may not, unless they are there", async () => {
    const before = async (flags: string) =>
      podOf(await printed(`${VS} --rs 10.31.0.1:80 --image reg.io/lvscare:v1 ${flags}`.trim())).initContainers;
    expect(await before("--mode link --strict-arp")).toMatchObject([
      {
        args: ["sysctls", "--set", "--mode", "link", "--family", "ipv4", "--strict-arp"],
        image: "reg.io/lvscare:v1",
        imagePullPolicy: "IfNotPresent",
        securityContext: { privileged: true },
      },
    ]);
    expect((await before(""))?.[0]?.args).toEqual(["sysctls", "--set", "--mode", "route", "--family", "ipv4"]);
    expect([await before("--least-privilege"), await before("--sysctls keep")]).toEqual([undefined, undefined]);
  });

  test("takes an image that was brought to the node, whatever its tag", async () => {
    const [container] = podOf(await printed(`${VS} --rs 10.31.0.1:80`)).containers;
    expect([container?.image, container?.imagePullPolicy]).toEqual(["lvscare:latest", "IfNotPresent"]);
  });

  test("has kubelet ask at the address of the page, and Prometheus' operator, too", async () => {
    const page = await printed(
      `${VS} --rs 10.31.0.1:80 --http-listen 9105`,
      "lvscare: --http-listen: only the node itself gets to 127.0.0.1, and no Prometheus elsewhere; 0.0.0.0:9105 is on all of its addresses\n",
    );
    expect(podOf(page).containers[0]?.livenessProbe?.httpGet).toEqual({
      host: "127.0.0.1",
      path: "/healthz",
      port: 9105,
    });
    const objects = await printed(`${VS} --rs 10.31.0.1:80 --http-listen 0.0.0.0:9105 --pod-monitor`);
    expect(objects.at(-1)).toMatchObject({
      kind: "PodMonitor",
      spec: {
        podMetricsEndpoints: [{ port: "metrics" }],
        selector: { matchLabels: { "app.kubernetes.io/name": "lvscare" } },
      },
    });
  });

  test.each([
    [
      `${VS} --rs 10.31.0.1:80 --pod-monitor`,
      "--pod-monitor: needs --http-listen with an address that Prometheus gets to",
    ],
    [`${VS} --rs 10.31.0.1:80 --pod-monitor --http-listen 9105`, "--pod-monitor: needs --http-listen"],
    [`${VS}`, 'required flag(s) "rs" not set'],
    [`${VS} --rs 10.31.0.1:80 --name Web`, '--name: "Web" is no name of a pod'],
    [`${VS} --rs 10.31.0.1:80 --run-once`, "run-once"],
  ])("refuses %s", async (flags, why) => {
    expect((await refusal(["daemonset", ...flags.split(" ")])).join("\n")).toContain(why);
  });
});

// --- internal ---

interface Printed {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

async function printed(flags: string, remark = ""): Promise<readonly Printed[]> {
  const { code, stdout, stderr } = await runProgram(["daemonset", ...flags.split(" ")]);
  expect([code, stderr]).toEqual([0, remark]);
  return stdout.split("---\n").map((text) => Bun.YAML.parse(text) as Printed);
}

function podOf(objects: readonly Printed[]) {
  const found = objects.find(({ kind }) => kind === "DaemonSet");
  const daemonSet = new DaemonSet(found as ConstructorParameters<typeof DaemonSet>[0]);
  daemonSet.validate();
  const pod = daemonSet.spec?.template.spec;
  if (pod === undefined) throw new Error("there is no pod");
  return pod;
}
