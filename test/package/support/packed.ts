import { cp, mkdir, symlink } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { runCommand } from "../../kernel/harness/run-command.ts";

const checkout = resolve(import.meta.dir, "../../..");

/** Packs a copy of the checkout, for the build writes into the tree that it packs; returns the tarball's path. */
export async function packCopy(folder: string): Promise<string> {
  const copy = join(folder, "checkout");
  const left = ["node_modules", ".git", "dist"];
  await mkdir(copy, { recursive: true });
  // The compiler's drafts come and go where the binary is built.
  const isWanted = (path: string): boolean => !left.includes(relative(checkout, path)) && !path.endsWith(".bun-build");
  // With its times: a lockfile that looks newer than what is installed would have the packages installed anew, under all that runs beside this.
  await cp(checkout, copy, { recursive: true, filter: isWanted, preserveTimestamps: true });
  await symlink(join(checkout, "node_modules"), join(copy, "node_modules"));
  const path = await runCommand([process.execPath, "pm", "pack", "--quiet", "--destination", folder], {
    cwd: copy,
    timeoutMs: 600_000,
  });
  return path.trim();
}

/** An empty project with this tarball for its only dependency, installed without any registry. */
export async function installInto(project: string, tarball: string): Promise<void> {
  await Bun.write(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const child = Bun.spawn([process.execPath, "add", tarball], {
    cwd: project,
    env: { ...process.env, BUN_CONFIG_REGISTRY: "http://127.0.0.1:9" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`the package cannot be installed:\n${errors}`);
}

/** What a shell of someone who has Bun finds. */
export function withBun(): Record<string, string> {
  return { PATH: `${checkout}/node_modules/.bin:${process.env["PATH"] ?? ""}`, HOME: process.env["HOME"] ?? "/" };
}
