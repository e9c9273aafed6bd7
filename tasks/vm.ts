import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { fastestLab, LABS, labNamed, runInLab } from "../test/kernel/harness/labs.ts";
import { buildBinary } from "./build.ts";
import { setUp } from "./setup.ts";
import { layOutDeliveries } from "./test/deliveries.ts";
import { needsOfFiles } from "./test/kernel-plan.ts";
import { selectionFrom } from "./test/selection.ts";

const usage = `Runs things on a kernel with IPVS: this machine's files, read-only underneath, in a guest of their own.

  bun run vm shell [options]          a root shell on a terminal; leave it with "exit"
  bun run vm exec [options] -- <argv>
  bun run vm test [options] [files…]  kernel test files, or all that the lab has what they need for

options
  --in <lab>           by default the fastest that serves
  --write <folder>     a folder of this machine that the command may write to (repeatable)
  --without <module>   a kernel module that the guest lacks (repeatable)
  --env <NAME=value>   (repeatable)
  --cpus <n>  --memory-mb <n>
  --timeout <seconds>  600 by default
  --kernel-log         print the kernel's log at the end, on stderr

labs
${[...LABS].map(([name, { about }]) => `  ${name.padEnd(21)}${about}\n`).join("")}`;

const checkout = resolve(import.meta.dir, "..");

const { values, positionals } = readArguments();

const [action = "help", ...rest] = positionals;
const isKnown = ["shell", "test"].includes(action) || (action === "exec" && rest.length > 0);
if (values.help || !isKnown) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}
if (action === "shell" && !process.stdin.isTTY) {
  process.stderr.write("vm: no terminal for a shell; without one: bun run vm exec -- sh -c '…'\n");
  process.exit(2);
}

try {
  const lab = values.in;
  if (lab !== undefined) labNamed(lab);
  await setUp();
  const { command, inLab } = await planOf(action, rest, lab);
  const interactive = action === "shell";
  const { exitCode, kernelLog } = await runInLab(inLab, {
    command,
    cwd: checkout,
    env: Object.fromEntries(values.env.map((text) => text.split(/=(.*)/s).slice(0, 2))),
    timeoutMs: interactive ? 86_400_000 : Number(values.timeout) * 1000,
    withoutModules: values.without,
    writableFolders: values.write,
    interactive,
    ...(values.cpus === undefined ? {} : { cpus: Number(values.cpus) }),
    ...(values["memory-mb"] === undefined ? {} : { memoryMb: Number(values["memory-mb"]) }),
  });
  if (values["kernel-log"]) process.stderr.write(kernelLog);
  // A shell's exit code is that of whatever was tried last in it: passed on, `bun run` would call that an error.
  process.exit(interactive ? 0 : exitCode);
} catch (error) {
  process.stderr.write(`vm: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(125);
}

// --- internal ---

interface Plan {
  readonly command: readonly string[];
  readonly inLab: string;
}

async function planOf(name: string, argv: readonly string[], wanted: string | undefined): Promise<Plan> {
  const processors = { processors: Number(values.cpus ?? 1) };
  if (name === "test") {
    const { kernelFiles = [] } = await selectionFrom(["kernel", ...argv]);
    const needs = await needsOfFiles(kernelFiles);
    const binary = await buildBinary();
    if (needs.deliveries) await layOutDeliveries(binary);
    const command = ["bun", "test", "--conditions=development", ...kernelFiles.map((file) => `./${file}`)];
    return { command, inLab: wanted ?? fastestLab({ ...needs, ...processors }) };
  }
  return { command: name === "shell" ? shell() : argv, inLab: wanted ?? fastestLab(processors) };
}

function shell(): readonly string[] {
  const { columns, rows } = process.stdout;
  return ["sh", "-c", `stty sane columns ${columns || 80} rows ${rows || 24}; exec bash -i`];
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        in: { type: "string" },
        write: { type: "string", multiple: true, default: [] },
        without: { type: "string", multiple: true, default: [] },
        env: { type: "string", multiple: true, default: [] },
        cpus: { type: "string" },
        "memory-mb": { type: "string" },
        timeout: { type: "string", default: "600" },
        "kernel-log": { type: "boolean" },
      },
    });
  } catch (error) {
    process.stderr.write(`vm: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}
