import { join } from "node:path";
import lock from "../../bun.lock";
import { cachedFolder } from "../../test/kernel/harness/cache-folder.ts";
import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { TARGETS, type Target } from "./targets.ts";

/**
 * Fetches the runtimes of all targets and returns where each one lies. `bun build --target` would fetch them itself, but checks nothing:
 * here the package manager holds them against the hashes in our lockfile.
 */
export async function fetchRuntimes(): Promise<(target: Target) => string> {
  const names = TARGETS.map(({ runtime }) => runtime);
  const packages = Object.fromEntries(names.map((name) => [name, locked(name)]));
  const folder = await cachedFolder(`bun-runtimes-${Bun.hash(JSON.stringify(packages)).toString(36)}`, async (into) => {
    process.stderr.write(`build: fetching the runtimes ${names.join(" ")}\n`);
    const project = { name: "runtimes", dependencies: Object.fromEntries(names.map((name) => [name, Bun.version])) };
    await Bun.write(join(into, "package.json"), JSON.stringify({ ...project, private: true }));
    const { lockfileVersion, configVersion } = lock;
    const ownLock = { lockfileVersion, configVersion, workspaces: { "": project }, packages };
    await Bun.write(join(into, "bun.lock"), JSON.stringify(ownLock));
    await runCommand([process.execPath, "install", "--frozen-lockfile", "--os=linux", "--cpu=*", "--libc=*"], {
      cwd: into,
      timeoutMs: 600_000,
    });
  });
  return ({ runtime }) => join(folder, "node_modules", runtime, "bin/bun");
}

/** The SHA-512 of a runtime's package, in hexadecimal, as the lockfile has it. */
export function lockedIntegrity(name: string): string {
  const integrity = locked(name)[3];
  if (typeof integrity !== "string" || !integrity.startsWith("sha512-"))
    throw new Error(`the lockfile has no hash of ${name}`);
  return Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex");
}

// --- internal ---

/** Bytecode is for one version of the runtime, so the Bun that compiles has to be the one that is locked. */
function locked(name: string): readonly unknown[] {
  const entry = lock.packages[name];
  if (entry?.[0] !== `${name}@${Bun.version}`) {
    throw new Error(
      `the lockfile has ${String(entry?.[0] ?? `no ${name}`)}, and this is Bun ${Bun.version}; run the locked one`,
    );
  }
  return entry;
}
