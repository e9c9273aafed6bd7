import { join } from "node:path";

export type GuestSettings = {
  machine: "qemu" | "uml";
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
  /** For a file `ready` beside these, before the command begins. */
  waits?: boolean;
  /** Of its network card, with the prefix length. */
  address?: string;
};

/** Writes the two shell files that guest-init.sh reads: its settings, and the command. */
export async function writeGuestSettings(folder: string, settings: GuestSettings): Promise<void> {
  const variables = {
    GUEST_MODULES: settings.modules,
    GUEST_WITHOUT_MODULES: settings.withoutModules.join(" "),
    GUEST_READABLE: (settings.readableFolders ?? []).join(" "),
    GUEST_WRITABLE: settings.writableFolders.join(" "),
    GUEST_TERMINAL: settings.terminal ?? "",
    GUEST_WAITS: settings.waits === true ? "yes" : "",
    GUEST_ADDRESS: settings.address ?? "",
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
