import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

setDefaultTimeout(120_000);

const CHECKOUT = join(import.meta.dir, "../..");

test("a shell without a terminal is refused, with what does without one", async () => {
  // As if by `echo lvscare version | bun run vm shell`.
  expect(await vm(["shell", "--in", "uml"], { stdin: new Blob(["lvscare version\n"]) })).toEqual({
    code: 2,
    stdout: "",
    stderr: "vm: no terminal for a shell; without one: bun run vm exec -- sh -c '…'\n",
  });
});

// --- internal ---

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As `bun run vm` does; `by`: what starts it. */
async function vm(
  argv: readonly string[],
  { stdin = "ignore", by = [] }: { readonly stdin?: "ignore" | Blob; readonly by?: readonly string[] } = {},
): Promise<Ended> {
  const child = Bun.spawn([...by, process.execPath, join(CHECKOUT, "tasks/vm.ts"), ...argv], {
    cwd: CHECKOUT,
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
