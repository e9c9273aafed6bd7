import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { runInVm } from "../test/kernel/harness/machine.ts";
import { buildBinary } from "./build.ts";
import { setUp } from "./setup.ts";
import { layOutDeliveries } from "./test/deliveries.ts";

const usage = `Runs things in the kernel test VM: this machine's files, read-only underneath, on a kernel with IPVS.

  bun run vm shell                  a root shell; leave it with "exit"
  bun run vm exec [options] -- <argv>
  bun run vm test [options] [files…]  kernel test files, or all of them

options
  --write <folder>     a folder of this machine that the command may write to (repeatable)
  --without <module>   a kernel module that the guest lacks (repeatable)
  --env <NAME=value>   (repeatable)
  --cpus <n>  --memory-mb <n>
  --timeout <seconds>  600 by default
  --kernel-log         print the kernel's log at the end, on stderr
`;

const checkout = resolve(import.meta.dir, "..");

const { values, positionals } = readArguments();

const [action = "help", ...rest] = positionals;
const command = commandOf(action, rest);
if (values.help || command === undefined) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}

try {
  await setUp();
  if (action === "test") await layOutDeliveries(await buildBinary());
  const interactive = action === "shell";
  const { exitCode, kernelLog } = await runInVm({
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
  process.exit(exitCode);
} catch (error) {
  process.stderr.write(`vm: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(125);
}

function commandOf(name: string, argv: readonly string[]): readonly string[] | undefined {
  const { columns, rows } = process.stdout;
  if (name === "shell") {
    return ["sh", "-c", `stty sane columns ${columns || 80} rows ${rows || 24}; exec bash -i`];
  }
  if (name === "exec" && argv.length > 0) return argv;
  if (name === "test") {
    const files = argv.length > 0 ? argv.map((file) => `./${file.replace(/^\.\//, "")}`) : ["./test/kernel/"];
    return ["bun", "test", "--conditions=development", ...files];
  }
  return undefined;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
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
