import { join } from "node:path";

export type GuestSettings = {
  command: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** The folder that becomes /lib/modules. */
  modules: string;
  withoutModules: readonly string[];
  /** Of the host, besides its root where that is shared. */
  readableFolders?: readonly string[];
  writableFolders: readonly string[];
  /** The guest's device for an interactive command; without it the output goes to files. */
  terminal?: string;
};

/** Writes the two shell files that vm-init.sh reads: its settings, and the command. */
export async function writeGuestSettings(folder: string, settings: GuestSettings): Promise<void> {
  const variables = {
    VM_MODULES: settings.modules,
    VM_WITHOUT_MODULES: settings.withoutModules.join(" "),
    VM_READABLE: (settings.readableFolders ?? []).join(" "),
    VM_WRITABLE: settings.writableFolders.join(" "),
    VM_TERMINAL: settings.terminal ?? "",
  };
  await Bun.write(join(folder, "settings"), assignments(variables).join("\n") + "\n");
  const command = [
    ...assignments(settings.env).map((assignment) => `export ${assignment}`),
    `cd ${quote(settings.cwd)} || exit 1`,
    `exec ${settings.command.map(quote).join(" ")}`,
  ];
  await Bun.write(join(folder, "command"), command.join("\n") + "\n");
}

function assignments(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
