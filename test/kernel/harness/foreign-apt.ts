import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./run-command.ts";

export interface ForeignAptOptions {
  /** As Debian names it. */
  readonly architecture: string;
  /** Takes packages of this release of Debian alone; otherwise of whatever the host's sources have. */
  readonly suite?: string;
}

/** Runs one of apt's programs and returns what it printed; `apt-get download` puts its files into the folder. */
export type ForeignApt = (program: "apt-get" | "apt-cache", ...argv: readonly string[]) => Promise<string>;

/** apt for any architecture, in folders of its own, with this host's sources and keys and fresh lists; it knows of no installed package. */
export async function foreignApt(folder: string, { architecture, suite }: ForeignAptOptions): Promise<ForeignApt> {
  if (Bun.which("apt-get") === null) {
    throw new Error(`Debian's packages for ${architecture} are missing, and there is no apt-get to fetch them with`);
  }
  for (const name of ["lists/partial", "archives/partial"]) await mkdir(join(folder, name), { recursive: true });
  await Bun.write(join(folder, "status"), "");
  await Bun.write(join(folder, "preferences"), suite === undefined ? "" : pinTo(suite));
  const options = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::State=${folder}`,
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}`,
    `Dir::Etc::preferences=${folder}/preferences`,
    "Dir::Etc::preferencesparts=/dev/null",
    // The unprivileged user that apt would download as may not write here.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
    "Acquire::Retries=3",
  ].flatMap((option) => ["-o", option]);
  const apt: ForeignApt = (program, ...argv) =>
    runCommand([program, "--quiet", ...options, ...argv], { cwd: folder, timeoutMs: 600_000 });
  await apt("apt-get", "update");
  return apt;
}

// --- internal ---

function pinTo(suite: string): string {
  return `Package: *\nPin: release n=${suite}*\nPin-Priority: 990\n\nPackage: *\nPin: release n=*\nPin-Priority: -1\n`;
}
