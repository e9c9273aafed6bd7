import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { runCommand } from "../../kernel/harness/run-command.ts";
import { installInto, withBun } from "./packed.ts";
import { serveOnce } from "./serve-once.ts";

/** What is asked of the packed npm package, wherever it was packed; `packed` tells where, once it was. */
export function npmPackageCases(packed: () => string): void {
  let folder: string;
  let tarball: string;
  let project: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lvscare-package-"));
    project = join(folder, "consumer");
    tarball = packed();
    await installInto(project, tarball);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describe("the npm package", () => {
    test("holds the bundle, its types and its papers, and needs nothing else", async () => {
      const listed = (await runCommand(["tar", "--list", "--file", tarball], { timeoutMs: 60_000 })).trim().split("\n");
      const files = listed.map((path) => path.replace(/^package\//, "")).toSorted();
      const known = /^(dist\/npm\/(chunk-\w+\.js|types\/.+\.d\.ts)|(docs|examples|monitoring)\/.+)$/;
      expect(files.filter((path) => !known.test(path))).toEqual([
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "dist/npm/THIRD_PARTY_LICENCES",
        "dist/npm/cli/main.js",
        "dist/npm/index.js",
        "package.json",
        "schema/config.schema.json",
      ]);
      for (const path of ["docs/getting-started.md", "examples/care.yaml", "monitoring/alerts.yaml"])
        expect(files).toContain(path);
      // What only a reader of the repository looks at.
      expect(files.filter((path) => path.endsWith(".png") || path.includes(".test."))).toEqual([]);
      expect(manifest).not.toHaveProperty("dependencies");
      expect((await Bun.file(tarball).stat()).size).toBeLessThan(800 * 1024);
    });

    test("tells whose code is in the bundle", async () => {
      const papers = await Bun.file(join(project, "node_modules/lvscare/dist/npm/THIRD_PARTY_LICENCES")).text();
      expect(papers.match(/^\S+ \d+\.\d+\.\d+$/gm)).toEqual([
        `citty ${manifest.devDependencies.citty}`,
        `consola ${manifest.devDependencies.consola}`,
        `xstate ${manifest.devDependencies.xstate}`,
        `yaml ${manifest.devDependencies.yaml}`,
      ]);
      expect(papers.match(/Permission is hereby granted/g)?.length).toBeGreaterThanOrEqual(3);
    });

    test("gives `bunx lvscare version`", async () => {
      const { stdout, exitCode } = Bun.spawnSync(["bunx", "lvscare", "version"], { cwd: project, env: withBun() });
      expect([exitCode, JSON.parse(stdout.toString())]).toEqual([
        0,
        expect.objectContaining({ gitVersion: manifest.version, buildDate: expect.stringMatching(/^\d{4}-.*Z$/) }),
      ]);
    });

    test("gives a `bunx lvscare care` that serves and that a signal ends", async () => {
      const { exitCode, log } = await serveOnce(["bunx", "lvscare"], { cwd: project, env: withBun() });
      expect([exitCode, log]).toEqual([0, expect.stringContaining("INFO stopped")]);
    });
  });

  describe("the SDK", () => {
    test("cares for a virtual server inside another program", async () => {
      await Bun.write(join(project, "embed.ts"), Bun.file(join(import.meta.dir, "../../../examples/embed.ts")));
      const child = Bun.spawn(["bun", "embed.ts", "127.77.0.4:18080"], {
        cwd: project,
        env: withBun(),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
      expect([await child.exited, stdout, stderr]).toEqual([0, expect.stringContaining("answered by one\n"), ""]);
    });

    test("decides for a program that imports it, and keeps no process alive", async () => {
      await Bun.write(join(project, "decide.ts"), DECIDE);
      const child = Bun.spawn(["bun", "decide.ts"], { cwd: project, env: withBun(), stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
      expect([await child.exited, stdout, stderr]).toEqual([
        0,
        "create virtual server tcp 10.0.0.1:80 rr\nadd real server 10.0.0.2:80 weight 1\nBAD_ADDRESS\n",
        "",
      ]);
    });

    test.each([
      { moduleResolution: "bundler", module: "preserve" },
      { moduleResolution: "nodenext", module: "nodenext" },
    ])("is typed for a strict consumer that resolves by $moduleResolution", async (resolution) => {
      await Bun.write(join(project, "typed.ts"), DECIDE + MISTAKES);
      const compilerOptions = { ...STRICT, ...resolution };
      await Bun.write(join(project, "page.ts"), await shownOnPage());
      const files = ["typed.ts", "page.ts"];
      await Bun.write(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
      const child = Bun.spawnSync(["tsc", "--project", project], { cwd: project, env: withBun() });
      expect([child.exitCode, child.stdout.toString()]).toEqual([0, ""]);
    });
  });
}

// --- internal ---

/** The example of the page on the SDK, with what it takes for given. */
async function shownOnPage(): Promise<string> {
  const page = await Bun.file(join(import.meta.dir, "../../../docs/sdk.md")).text();
  const [, example = ""] = /^```ts\n([^]*?)^```$/m.exec(page) ?? [];
  const given = 'import type { LvscareConfig } from "lvscare";\ndeclare const otherConfig: LvscareConfig;\n';
  expect(example).toContain("createLvscare({");
  return `${given}${example}`;
}

/** The types have to stand without those of Bun, Node and of what is bundled. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  target: "es2024",
  lib: ["es2024", "dom"],
  types: [],
};

const DECIDE = `
import { describeOperation, LvscareError, parseEndpoint, plan, realServer, virtualServer, type Operation } from "lvscare";

const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.0.0.1:80") }, "rr");
const realServers = [realServer(parseEndpoint("10.0.0.2:80"))];
const operations: readonly Operation[] = plan({ service, realServers, absent: [], leaving: [], unlisted: "remove" }, undefined);
for (const operation of operations) console.log(describeOperation(operation));
try {
  parseEndpoint("10.0.0.1");
} catch (error) {
  if (error instanceof LvscareError) console.log(error.code satisfies string);
}
`;

/** Types that everything fits would pass without them. */
const MISTAKES = `
// @ts-expect-error an endpoint is no text
realServer("10.0.0.2:80");
// @ts-expect-error there is no such protocol
virtualServer({ protocol: "icmp", endpoint: parseEndpoint("10.0.0.1:80") }, "rr");
// @ts-expect-error what was planned is not changed
operations.push();

import { createLvscare, UsageError, type LvscareConfig, type LvscareEvent, type Time } from "lvscare";

const interval: Time = "1m30s";
const web = { name: "web", address: "10.0.0.1:80", realServers: ["10.0.0.2:80", { address: "10.0.0.3:80", weight: 3 }] };
const config: LvscareConfig = { defaults: { interval, probe: { type: "http" } }, virtualServers: [web] };
export async function care(): Promise<LvscareEvent | undefined> {
  await using lvscare = createLvscare(config);
  await lvscare.start();
  const { changes } = await lvscare.update({ ...config, virtualServers: [{ ...web, panicThreshold: "50%" }] });
  changes satisfies readonly string[];
  const { pending } = await lvscare.drain("10.0.0.2:80", { virtualServer: "web" });
  pending satisfies string | undefined;
  lvscare.onEvent((event, virtualServer) => [event.type, virtualServer?.name]);
  for await (const event of lvscare.events({ after: 3 })) return event;
  return undefined;
}
export const problemsOf = (error: unknown): readonly string[] => (error instanceof UsageError ? error.problems : []);
// @ts-expect-error HAProxy's word
createLvscare({ virtualServers: [{ ...web, scheduler: "leastconn" }] });
// @ts-expect-error no time
createLvscare({ virtualServers: [{ ...web, interval: "fast" }] });
// @ts-expect-error a file's key
createLvscare({ virtualServers: [{ address: "10.0.0.1:80", "real-servers": [] }] });
`;
