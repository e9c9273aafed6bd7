import { expect, setDefaultTimeout, test } from "bun:test";
import { runProgram } from "../cli/run-program.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, MASTER] = ["10.0.0.8", "10.0.0.2"] as const;

test.skipIf(lacking !== undefined)(
  "a real API server takes every manifest as it is printed, to the last field",
  async () => {
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [MASTER], names: [] });
    await plane.start(MASTER);
    // As the controllers make it, of which there are none.
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: "kube-system" },
    };
    expect((await plane.ask(MASTER, pathOf(account), account)).exitCode).toBe(0);
    const made = new Set<string>();
    const ofCluster = "--discover kubernetes --health-schem kube-apiserver";
    const commands = [
      "rbac",
      "rbac --service-account kube-system/lvscare --count-nodes",
      `daemonset --vs 10.96.0.1:6443 --http-listen 0.0.0.0:9105 ${ofCluster}`,
      `daemonset --vs 10.96.0.1:6443 --rs ${MASTER}:6443 --requests cpu=20m,memory=64Mi --discover file:/run/members/list`,
      `static-pod --masters ${MASTER}:6443 --least-privilege --liveness --print ${ofCluster}`,
    ];
    for (const command of commands) {
      const { stdout, code } = await runProgram(command.split(" "));
      expect(code).toBe(0);
      for (const text of stdout.split("---\n")) {
        const object = Bun.YAML.parse(text) as ApiObject;
        if (made.has(object.metadata.name)) continue;
        // Each is taken as if it were the first of its name.
        const { stdout: answer, exitCode } = await plane.ask(
          MASTER,
          `${pathOf(object)}?dryRun=All&fieldValidation=Strict`,
          object,
        );
        expect([command, object.kind, exitCode === 0 ? "" : answer]).toEqual([command, object.kind, ""]);
        if (object.kind !== "Namespace") continue;
        // What comes after it stands in it.
        await plane.ask(MASTER, pathOf(object), object);
        made.add(object.metadata.name);
      }
    }
  },
);

// --- internal ---

interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function pathOf({ apiVersion, kind, metadata: { namespace } }: ApiObject): string {
  const api = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const folder = namespace === undefined ? api : `${api}/namespaces/${namespace}`;
  return `${folder}/${kind.toLowerCase()}s`;
}
