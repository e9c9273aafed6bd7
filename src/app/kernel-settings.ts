import { Ipvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { LvscareError, throwFailures } from "../domain/errors.ts";
import { sysctlRows, sysctls, type SysctlTableOptions } from "../reach/sysctls.ts";

/** What is to be reached, and how: the settings depend on it, and on this host's kernel. */
export type KernelSettingsOptions = Pick<SysctlTableOptions, "mode" | "family" | "strictArp">;

/** The settings as a file for /etc/sysctl.d, each with its reason. */
export function kernelSettingsFile(options: KernelSettingsOptions): string {
  const lines = sysctlRows(options).map(({ name, wanted, why }) => `# ${why}\n${dotted(name)} = ${wanted}\n`);
  return lines.join("");
}

/**
 * Sets them in the running kernel, once, and returns what was set and what this kernel does not have. Loads IPVS first, whose settings
 * come with it. Throws the errors of those that could not be set, after all of them were tried.
 */
export async function setKernelSettings(options: KernelSettingsOptions): Promise<string[]> {
  await new Ipvs().services();
  const told: string[] = [];
  const failures: unknown[] = [];
  for (const setting of sysctls(options)) {
    try {
      const before = await setting.inspect();
      if (before === undefined) continue;
      await setting.establish();
      told.push(`set ${setting.name} (${before})`);
    } catch (error) {
      const isOlder = error instanceof LvscareError && error.code === "NOT_SUPPORTED";
      if (isOlder && setting.tolerates?.includes(error.code) === true) told.push(`${setting.name}: ${error.message}`);
      else failures.push(error);
    }
  }
  throwFailures(failures);
  return told.length === 0 ? ["all settings are as they should be"] : told;
}

// --- internal ---

/**
 * As sysctl(8) names it. A link's name may have dots, which are slashes there.
 */
function dotted(name: string): string {
  return name.replaceAll(/[/.]/g, (separator) => (separator === "/" ? "." : "/"));
}
