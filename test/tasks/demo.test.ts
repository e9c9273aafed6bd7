import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installMissingPackages, UML_PACKAGES } from "../kernel/harness/packages.ts";
import { linesOf } from "../kernel/support/line-process.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";

setDefaultTimeout(120_000);

const CHECKOUT = join(import.meta.dir, "../..");
const DEMO = join(CHECKOUT, "tasks/demo.ts");
const CLEANED_UP = "Cleaned up: nothing of this demonstration is left.";

test("shows a server go and come back on one screen, ends by itself and leaves nothing", async () => {
  using demo = new Demo();
  const { lines, errors } = await demo.play();
  expect(errors).toBe("");
  const shown = lines.map((line) => line.replaceAll(/\d[\d.]*:\d+/g, "…").replace(/ in [\d.]+ms$/, ""));
  const [one, two, three] = ["echo-1", "echo-2", "echo-3"].map((name) => [
    `   ${name}  healthy   weight 1          check passed: status 200`,
    ` ▶ ${name}  healthy   weight 1          check passed: status 200`,
  ]);
  expect(shown).toEqual([
    "Three echo servers behind one address, http://…/, in LVScare's care.",
    "",
    "1. All three pass their checks: each gets its share.",
    "",
    one?.[0],
    two?.[0],
    three?.[0],
    "",
    "   12 requests: echo-1 4, echo-2 4, echo-3 4",
    "",
    "2. echo-2 is killed. Its next check fails, and it gets no new clients.",
    "",
    one?.[0],
    " ▶ echo-2  draining  weight 0          check failed: connect refused",
    three?.[0],
    "",
    "3. The check after that fails, too: it is out, and the others share its part.",
    "",
    one?.[0],
    " ▶ echo-2  removed   not in the table  check failed: connect refused",
    three?.[0],
    "",
    "   12 requests: echo-1 6, echo-3 6",
    "",
    "4. echo-2 is started again. With its first good check it is back.",
    "",
    one?.[0],
    two?.[1],
    three?.[0],
    "",
    "   12 requests: echo-1 4, echo-2 4, echo-3 4",
    "",
    expect.stringMatching(/^(IPVS in the kernel moved the packets|LVScare moved the bytes itself: .+)\.$/),
    CLEANED_UP,
    "",
    "Next:",
    "  bun run demo --page       watch it in the browser, until Ctrl-C",
    expect.stringMatching(/^ {2}bun run demo --kernel {5}the same with IPVS in any case, in user-mode Linux/),
    "  docs/getting-started.md   your own servers, in three steps",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(120);
  expect([await demo.exited, demo.leftovers()]).toEqual([0, NOTHING]);
});

test.each(["Three echo servers", "echo-2 is killed", "check after that", "started again"])(
  'Ctrl-C at "%s" ends it at once and leaves nothing',
  async (step) => {
    for (;;) {
      using demo = new Demo();
      const { lines } = await demo.play((line) => line.includes(step) && demo.interrupt());
      // Where this process was held up, the demonstration was over before its Ctrl-C: once more then.
      if (lines.includes("Next:")) continue;
      expect(lines.at(-1)).toBe(CLEANED_UP);
      expect([await demo.exited, demo.leftovers()]).toEqual([130, NOTHING]);
      return;
    }
  },
);

test("--page serves the page, opens it where there is a browser, and goes on until Ctrl-C", async () => {
  using browser = new PretendedBrowser();
  using demo = new Demo(["--page"], browser.environment);
  let page: string | undefined;
  let [seen, status, seenElsewhere]: [readonly string[], string, string] = [[], "", ""];
  const { lines } = await demo.play(async (line) => {
    page ??= /^Its page: (\S+) \(your browser opens it\)$/.exec(line)?.[1];
    if (!line.startsWith("In another terminal")) return;
    status = /^In another terminal, in this folder: (.*) --watch$/.exec(line)?.[1] ?? "";
    const child = Bun.spawn(["sh", "-c", status], { cwd: CHECKOUT, stdout: "pipe", stderr: "inherit" });
    seenElsewhere = await child.stdout.text();
    const text = async (path: string): Promise<string> => (await fetch(new URL(path, page))).text();
    seen = [await text("/"), await text("/metrics")];
    demo.interrupt();
  });
  expect(seen).toEqual([
    expect.stringMatching(/^<!doctype html>/) as string,
    expect.stringContaining("lvscare_real_server_info{") as string,
  ]);
  // Once more where it goes on, after all that was played.
  expect(lines).toContain(`In a browser: ${page}`);
  expect(seenElsewhere).toMatch(/^tcp 127\S+ +demo\b|^demo\b/m);
  await waitForEqual(() => browser.opened(), `${page}\n`);
  expect(lines.at(-1)).toBe(CLEANED_UP);
  expect(await demo.exited).toBe(0);
  // The browser is a process of its own, which nobody waits for.
  await waitForEqual(() => demo.leftovers(), NOTHING);
});

test("--kernel plays it with IPVS in a kernel of its own, and leaves nothing", async () => {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await installMissingPackages(UML_PACKAGES);
  using demo = new Demo(["--kernel"]);
  const { lines, errors } = await demo.play();
  // Others cannot start that kernel, and are told so.
  if (!isRoot) expect([await demo.exited, errors]).toEqual([1, expect.stringContaining("--kernel needs")]);
  else {
    expect([await demo.exited, errors, demo.leftovers()]).toEqual([0, "", NOTHING]);
    expect(lines).toContain("IPVS in the kernel moved the packets.");
    expect(lines.filter((line) => line.includes("12 requests"))).toEqual([
      "   12 requests: echo-1 4, echo-2 4, echo-3 4",
      "   12 requests: echo-1 6, echo-3 6",
      "   12 requests: echo-1 4, echo-2 4, echo-3 4",
    ]);
  }
}, 300_000);

test("says what it cannot do", async () => {
  for (const [argv, problem] of [
    [["--page", "--kernel"], "--page does not go with --kernel"],
    [["--pge"], "'--pge'"],
  ] as const) {
    using demo = new Demo(argv);
    const { lines, errors } = await demo.play();
    expect([await demo.exited, lines]).toEqual([1, []]);
    expect(errors).toContain(problem);
  }
});

// --- internal ---

interface Leftovers {
  readonly processes: readonly string[];
  readonly files: readonly string[];
}

const NOTHING: Leftovers = { processes: [], files: [] };

/** No screen, and not by npx, however these tests were started. */
const QUIET = { DISPLAY: "", WAYLAND_DISPLAY: "", npm_config_user_agent: "bun/1" };

/** The demonstration, with a folder of its own for temporary files: by that all its processes are known. */
class Demo implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "lvscare-demo-test-"));
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;

  constructor(argv: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
    this.#child = Bun.spawn([process.execPath, DEMO, ...argv], {
      env: { ...process.env, ...QUIET, ...environment, TMPDIR: this.#folder },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Every line that it prints, each shown to `see` as it comes, and what it says on stderr. */
  async play(see: (line: string) => unknown = () => undefined): Promise<{ lines: string[]; errors: string }> {
    const lines: string[] = [];
    for await (const line of linesOf(this.#child.stdout)) {
      lines.push(line);
      await see(line);
    }
    return { lines, errors: await this.#child.stderr.text() };
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  leftovers(): Leftovers {
    return { processes: processesWith(`TMPDIR=${this.#folder}\0`), files: readdirSync(this.#folder) };
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true });
  }
}

/** A screen, and a program in the place of the one that knows the user's browser: it writes down what it is to open. */
class PretendedBrowser implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "lvscare-browser-"));
  readonly environment = { DISPLAY: ":0", PATH: `${this.#folder}:${process.env["PATH"] ?? ""}` };

  constructor() {
    const script = `#!/bin/sh\necho "$1" >${this.#folder}/opened\n`;
    writeFileSync(join(this.#folder, "xdg-open"), script, { mode: 0o755 });
  }

  opened(): string {
    const file = join(this.#folder, "opened");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** The command lines of those that have this in their environment. */
function processesWith(variable: string): string[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      if (!/^\d+$/.test(name) || !readFileSync(`/proc/${name}/environ`, "utf8").includes(variable)) return [];
      return [readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch (error) {
      // It ended meanwhile, or is not ours to look at.
      if (error instanceof Error) return [];
      throw error;
    }
  });
}
