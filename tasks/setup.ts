import { stat } from "node:fs/promises";
import { resolve } from "node:path";

const checkout = resolve(import.meta.dir, "..");

/**
 * Makes a fresh clone ready to work in; a moment's work when it already is. A task calls this before it uses
 * anything from node_modules, since the Bun that runs the task may come from elsewhere (`npx bun@…`).
 */
export async function setUp(): Promise<void> {
  const lockedAt = await modifiedAt(`${checkout}/bun.lock`);
  const installedAt = await modifiedAt(installedMark);
  const bunAt = await modifiedAt(`${checkout}/node_modules/.bin/bun`);
  if (installedAt >= lockedAt && bunAt > 0) return;
  process.stderr.write("set-up: installing the locked dependencies\n");
  // Once more, as a registry that gives nothing now may do so a moment later.
  await install().catch(install);
  await Bun.write(installedMark, "");
}

const installedMark = `${checkout}/node_modules/.installed`;

async function install(): Promise<void> {
  const child = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: checkout,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 600_000,
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0) throw new Error(`bun install failed:\n${output}${errors}`);
}

async function modifiedAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
}

if (import.meta.main) await setUp();
