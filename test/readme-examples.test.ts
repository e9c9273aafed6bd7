import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../src/config/file/read-config.ts";
import { formatPlace } from "../src/config/file/place.ts";
import { parseYaml } from "../src/simulation/parse-yaml.ts";
import { readScenario } from "../src/simulation/read-scenario.ts";
import { readPages } from "../tasks/docs/pages.ts";
import { runProgram } from "./cli/run-program.ts";
import { commandLinesOf } from "./support/command-lines.ts";

setDefaultTimeout(120_000);

const pages = await readPages();

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), "lvscare-pages-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("YAML", () => {
  const blocks = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, block = ""]) => ({
      place: `${path}: ${block.split("\n")[0] ?? ""}`,
      block,
    })),
  );

  test.each(blocks)("$place", ({ block }) => {
    if (/^events:/m.test(block)) return void readScenario(block.startsWith("events:") ? `${SCENARIO}${block}` : block);
    if (OF_OTHERS.test(block)) return void Bun.YAML.parse(block);
    const problems = wholesOf(block).flatMap((text) => readConfig([documentOf(text)]).findings);
    expect(problems.map(({ place, message }) => `${formatPlace(place)}: ${message}`)).toEqual([]);
  });

  test("those of members from elsewhere are whole files, each virtual server with its probe", () => {
    const files = blocks.filter(({ place }) => place.startsWith("docs/discovery.md")).map(({ block }) => block);
    const parsed = files.map((block) => Object(Bun.YAML.parse(block)) as { readonly "virtual-servers"?: unknown });
    const servers = parsed.flatMap(({ "virtual-servers": list }): unknown[] => (Array.isArray(list) ? list : [{}]));
    expect(servers.length).toBeGreaterThan(3);
    for (const server of servers) expect(server).toMatchObject({ discover: {}, probe: {} });
  });

  test("there are some", () => expect(blocks.length).toBeGreaterThan(6));
});

describe("commands that only print", () => {
  const lines = pages
    .flatMap(commandLinesOf)
    .filter(({ isTyped, command }) => isTyped && PRINTING.includes(command))
    .filter(({ argv }) => !argv.some((word) => word.startsWith("/etc/lvscare") || word === "--set"))
    .filter(({ command, argv }) => command !== "check-config" || argv.some((word) => existsSync(word)));
  const once = [...new Map(lines.map((line) => [[line.command, ...line.argv].join(" "), line])).values()];

  test.each(once)("$place", async ({ command, argv }) => {
    const writes = command === "static-pod" && !argv.includes("--print");
    const path = join(folder, "manifests");
    const name = argv.includes("--name") ? ["--name", argv[argv.indexOf("--name") + 1] ?? ""] : [];
    if (argv.includes("--set-img"))
      await runProgram(["static-pod", ...name, "--masters", "10.0.0.2:6443", "--path", path]);
    const { code, stdout, stderr } = await runProgram([command, ...argv, ...(writes ? ["--path", path] : [])]);
    expect([code, writes ? stderr.startsWith("wrote ") : stdout.length > 0, writes ? "" : stderr]).toEqual([
      0,
      true,
      "",
    ]);
  });

  test.each(pages.map(({ path }) => path))("%s has the kernel settings of pods that may not make them", (path) => {
    const ofPage = lines.filter(({ place }) => place.startsWith(`${path}: `));
    const needs = ofPage.some(({ command, argv }) => command === "static-pod" && argv.includes("--least-privilege"));
    expect(!needs || ofPage.some(({ command }) => command === "sysctls")).toBe(true);
  });

  test("the static pods of the page on Kubernetes are one pod at one address", () => {
    const pods = lines.filter(
      ({ place, command }) => place.startsWith("docs/kubernetes.md") && command === "static-pod",
    );
    const valuesOf = (flag: string): readonly (string | undefined)[] => [
      ...new Set(pods.map(({ argv }) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined))),
    ];
    expect(valuesOf("--name")).toEqual(["lvscare"]);
    // Changing the image needs none.
    expect(valuesOf("--vip")).toEqual(["10.255.0.1:6443", undefined]);
  });

  test("there are some", () => expect(once.length).toBeGreaterThan(12));
});

// --- internal ---

const PRINTING = [
  "static-pod",
  "daemonset",
  "rbac",
  "systemd",
  "sysctls",
  "simulate",
  "config",
  "check-config",
  "machine",
  "completion",
  "man",
  "licences",
  "version",
];

/** Configuration of Prometheus, its Alertmanager, kubeadm and k3s. */
const OF_OTHERS = /^(scrape_configs|inhibit_rules|apiVersion|tls-san):/m;

/** What events alone are shown for. */
const SCENARIO =
  "care: {vs: 10.103.97.2:80, rs: [10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80], health-schem: http}\nprobe: {type: agent, port: 9777}\n";

/** Whole files of a block, which may show a part of one, or alternatives of a line each. */
function wholesOf(block: string): string[] {
  const server = "virtual-servers: [{address: 10.0.0.1:80, scheduler: wrr, real-servers: [10.0.0.2:80]";
  if (/^version:/m.test(block)) return [block];
  if (block.startsWith("- ")) return [`version: 1\nvirtual-servers:\n${block}`];
  if (/^virtual-servers:/m.test(block)) return [`version: 1\n${block}`];
  return block
    .trim()
    .split("\n")
    .map((line) => `version: 1\n${server}, ${line.replace(/ +#.*/, "")}}]`);
}

function documentOf(text: string): Parameters<typeof readConfig>[0][number] {
  return { name: "", text, mayHide: false, value: parseYaml(text) };
}
