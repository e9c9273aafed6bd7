import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setUp } from "./setup.ts";

const checkout = resolve(import.meta.dir, "..");
const OUTPUT = resolve(checkout, "dist/lvscare");

/**
 * Compiles the one-file binary and makes sure that it runs: a build whose bytecode failed exits 0 all the same and leaves a binary
 * that dies at its start. Without the two autoload flags the binary would run code that a planted `bunfig.toml` names.
 */
export async function buildBinary(output = OUTPUT): Promise<string> {
  const draft = `${output}.new`;
  await mkdir(dirname(output), { recursive: true });
  await run([
    process.execPath,
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--define=LVSCARE_COMMIT=${JSON.stringify(await commit())}`,
    `--define=LVSCARE_BUILD_DATE=${JSON.stringify(new Date().toISOString())}`,
    `--outfile=${draft}`,
    resolve(checkout, "src/cli/main.ts"),
  ]);
  try {
    await run([draft, "version"]);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await rename(draft, output);
  return output;
}

if (import.meta.main) {
  await setUp();
  process.stdout.write(`${await buildBinary()}\n`);
}

// --- internal ---

/** The commit that is built, or `unknown` where there is no git checkout. */
async function commit(): Promise<string> {
  try {
    return (await run(["git", "-C", checkout, "rev-parse", "--short", "HEAD"])).trim();
  } catch (error) {
    process.stderr.write(`build: the commit is not known: ${(error as Error).message}\n`);
    return "unknown";
  }
}

async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: checkout,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 120_000,
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0) throw new Error(`\`${command.slice(0, 2).join(" ")}\` failed:\n${output}${errors}`);
  return output;
}
