import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { TestFolder } from "../app/support/file-daemon.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { runCommand } from "../kernel/harness/run-command.ts";
import { refusal, runProgram } from "./run-program.ts";

setDefaultTimeout(120_000);

beforeAll(() => installMissingPackages([{ name: "kubernetes-client", file: "/usr/bin/kubectl" }]), 300_000);

const FLAGS =
  "--vs 10.30.0.1:80 --health-schem http --discover kubernetes:shop/web --http-listen 0.0.0.0:9105 --pod-monitor".split(
    " ",
  );

test("a base is what a DaemonSet takes, and kubectl builds it, and an overlay of it", async () => {
  await using folder = await TestFolder.make();
  const [base, overlay] = [join(folder.path, "base"), join(folder.path, "overlay")];
  const { code, stdout, stderr } = await runProgram(["kustomize", base, ...FLAGS]);
  expect([code, stdout]).toEqual([0, ""]);
  expect(stderr).toContain(`wrote ${base}/kustomization.yaml\n`);
  expect((await readdir(base)).toSorted()).toEqual([
    "daemon-set.yaml",
    "kustomization.yaml",
    "pod-monitor.yaml",
    "rbac.yaml",
    "service-account.yaml",
  ]);
  const printed = objectsIn((await runProgram(["daemonset", ...FLAGS])).stdout);
  expect(byName(await built(base))).toEqual(byName(printed));

  const images = [{ name: "lvscare", newName: "reg.test/lvscare", newTag: "v2" }];
  await Bun.write(join(overlay, "kustomization.yaml"), JSON.stringify({ resources: ["../base"], images }));
  expect(JSON.stringify(await built(overlay))).toContain('"image":"reg.test/lvscare:v2"');
});

test("a base is written anew, but not over what somebody else wrote", async () => {
  await using folder = await TestFolder.make();
  const base = join(folder.path, "base");
  const path = join(base, "kustomization.yaml");
  await Bun.write(join(base, "notes.txt"), "mine");
  await runProgram(["kustomize", base, ...FLAGS]);
  expect((await runProgram(["kustomize", base, ...FLAGS.slice(0, -1)])).code).toBe(0);
  expect(await Bun.file(path).text()).not.toContain("pod-monitor");
  expect(await Bun.file(join(base, "notes.txt")).text()).toBe("mine");
  await Bun.write(path, "resources: []\n");
  expect(await refusal(["kustomize", base, ...FLAGS])).toEqual([
    `${path} is not one that lvscare kustomize wrote (name another directory, and that one in its resources)`,
  ]);
  expect(await Bun.file(path).text()).toBe("resources: []\n");
});

test("all that is wrong with a line is told at once", async () => {
  const problems = await refusal(["kustomize", "--vs", "10.30.0.1", "--name", "Web"]);
  expect(problems.join("\n")).toContain("name a directory to write into");
  expect(problems.join("\n")).toContain("--name");
  expect(problems.join("\n")).toContain("--vs");
});

// --- internal ---

interface ApiObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

async function built(directory: string): Promise<readonly ApiObject[]> {
  return objectsIn(await runCommand(["kubectl", "kustomize", directory], { timeoutMs: 60_000 }));
}

function objectsIn(text: string): readonly ApiObject[] {
  return text.split(/^---\n/m).map((one) => Bun.YAML.parse(one) as ApiObject);
}

function byName(objects: readonly ApiObject[]): ReadonlyMap<string, ApiObject> {
  return new Map(
    objects.map((one) => [`${one.kind} ${one.metadata.namespace}/${one.metadata.name}`, one] as const).toSorted(),
  );
}
