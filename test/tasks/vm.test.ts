import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { installMissingPackages, UML_PACKAGES } from "../kernel/harness/packages.ts";

setDefaultTimeout(120_000);

const CHECKOUT = join(import.meta.dir, "../..");
const VM = join(CHECKOUT, "tasks/vm.ts");

test("a shell without a terminal is refused, with what does without one", async () => {
  // As if by `echo lvscare version | bun run vm shell`.
  expect(await vm(["shell", "--in", "uml"], { stdin: new Blob(["lvscare version\n"]) })).toEqual({
    code: 2,
    stdout: "",
    stderr: "vm: no terminal for a shell; without one: bun run vm exec -- sh -c '…'\n",
  });
});

test("who is not root is told so before a guest starts", async () => {
  // A user that its own namespace does not know; whoever is none of root's already starts it as that.
  const by = process.getuid?.() === 0 ? ["unshare", "--user"] : [];
  for (const lab of ["uml", "host"])
    expect(await vm(["exec", "--in", lab, "--", "true"], { by })).toEqual({
      code: 125,
      stdout: "",
      stderr: `vm: the lab ${lab} needs root\n`,
    });
});

test("a shell that was left after a failed command ends well; a command ends as it does", async () => {
  // Others cannot start that kernel.
  if (process.getuid?.() !== 0) return;
  await installMissingPackages(UML_PACKAGES);
  expect(await leftShell("false; exit\n")).toBe(0);
  expect(await vm(["exec", "--in", "uml", "--", "sh", "-c", "exit 3"])).toMatchObject({ code: 3 });
});

// --- internal ---

/** Types this at the prompt of a shell in user-mode Linux; how `bun run vm` ends. */
async function leftShell(typed: string): Promise<number> {
  let shown = "";
  let isTyped = false;
  const child = Bun.spawn([process.execPath, VM, "shell", "--in", "uml"], {
    cwd: CHECKOUT,
    terminal: {
      data: (terminal, chunk) => {
        shown += new TextDecoder().decode(chunk);
        if (isTyped || !shown.endsWith("# ")) return;
        isTyped = true;
        terminal.write(typed);
      },
    },
  });
  using _terminal = { [Symbol.dispose]: () => child.terminal?.close() };
  return await child.exited;
}

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
  const child = Bun.spawn([...by, process.execPath, VM, ...argv], {
    cwd: CHECKOUT,
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
