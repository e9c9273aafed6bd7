import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesOf } from "../kernel/support/line-process.ts";

setDefaultTimeout(60_000);

const DEMO = join(import.meta.dir, "../../tasks/demo.ts");
const CLEANED_UP = "=> Cleaned up: nothing of this demonstration is left.";

test("shows a server go and come back, ends by itself and leaves nothing", async () => {
  using demo = new Demo();
  const lines = await demo.play();
  expect(lines.filter((line) => line.startsWith("=> ")).map((line) => line.replaceAll(/\d[\d.]*:\d+/g, "…"))).toEqual([
    "=> Three echo servers start, and lvscare cares for … in front of them.",
    expect.stringMatching(
      /^=> (The kernel's IPVS moves the packets|The userspace data plane moves the bytes, since .+)\.$/,
    ),
    "=> 12 requests to http://…/ were answered by: echo-1 4, echo-2 4, echo-3 4.",
    "=> Killing echo-2 (…): weight 0 at the next failed check …",
    "=> … and removed at the one after.",
    "=> 12 requests to http://…/ were answered by: echo-1 6, echo-3 6.",
    "=> Starting echo-2 again: it comes back with its first good check.",
    "=> 12 requests to http://…/ were answered by: echo-1 4, echo-2 4, echo-3 4.",
    CLEANED_UP,
  ]);
  const states = lines.flatMap((line) => /^ {2}127\S+ +(healthy|draining|removed|recovering) /.exec(line)?.[1] ?? []);
  const tables = ["healthy healthy healthy", "healthy draining healthy", "healthy removed healthy"];
  expect(states.join(" ")).toBe([...tables, tables[0]].join(" "));
  expect([await demo.exited, demo.leftovers()]).toEqual([0, NOTHING]);
});

test.each(["Three echo servers start", "Killing echo-2", "and removed", "Starting echo-2 again"])(
  'Ctrl-C at "%s" ends it at once and leaves nothing',
  async (step) => {
    using demo = new Demo();
    const lines = await demo.play((line) => line.includes(step) && demo.interrupt());
    expect(lines.findLast((line) => line.startsWith("=> "))).toBe(CLEANED_UP);
    expect([await demo.exited, demo.leftovers()]).toEqual([130, NOTHING]);
  },
);

// --- internal ---

interface Leftovers {
  readonly processes: readonly string[];
  readonly files: readonly string[];
}

const NOTHING: Leftovers = { processes: [], files: [] };

/** The demonstration, with a folder of its own for temporary files: by that all its processes are known. */
class Demo implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "lvscare-demo-test-"));
  readonly #child = Bun.spawn([process.execPath, DEMO], {
    env: { ...process.env, TMPDIR: this.#folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Every line that it prints, each shown to `see` as it comes. */
  async play(see: (line: string) => unknown = () => undefined): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of linesOf(this.#child.stdout)) {
      lines.push(line);
      see(line);
    }
    return lines;
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
