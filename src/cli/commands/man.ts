import type { OptionRow } from "../../config/option-row.ts";
import { VERSION } from "../../app/version.ts";
import { command, usagesOf, type Command, type CommandEntry } from "../command.ts";
import type { CommandUsage } from "../usage.ts";

/** `lvscare man`: the manual page. */
export function manCommand(commands: readonly CommandEntry[]): Command {
  return command(
    {
      name: "man",
      about: "Prints the manual page lvscare(8).",
      synopsis: "",
      rows: [],
      examples: [{ about: "the source of the page", command: "lvscare man" }],
      notes: ["To read it: lvscare man | man -l -"],
    },
    {
      read: () => ({}),
      async run(_, { out }) {
        await out.write(renderManual(VERSION, commands, await usagesOf(commands)));
        return 0;
      },
    },
  );
}

// --- internal ---

/** The manual page lvscare(8), made of the options tables; in the man macros. */
function renderManual(version: string, commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  const lines = [
    `.TH LVSCARE 8 "" ${quote(`lvscare ${version}`)} ${quote("System Administration")}`,
    ".SH NAME",
    "lvscare \\- keeps IPVS virtual servers honest",
    ".SH SYNOPSIS",
    ...usages.flatMap(({ name, synopsis }) => [".br", `.B lvscare ${name}`, escape(synopsis)]),
    ".SH DESCRIPTION",
    "Checks the real servers behind a virtual server. One that fails takes no new connections from then on, is removed at the next failed",
    "check, and comes back when it answers again.",
    ".SH COMMANDS",
    ...commands.flatMap(({ name, summary }) => [".TP", `.B ${name}`, escape(summary)]),
    ...usages.flatMap(commandSection),
    ".SH SEE ALSO",
    ".BR ipvsadm (8),",
    ".BR keepalived (8)",
  ];
  return `${lines.join("\n")}\n`;
}

function commandSection(usage: CommandUsage): string[] {
  return [
    `.SH LVSCARE ${usage.name.toUpperCase()}`,
    escape(usage.about),
    ...usage.rows.flatMap(optionLines),
    ...usage.examples.flatMap(({ about, command }) => [
      ".PP",
      escape(`${about}:`),
      ".PP",
      ".nf",
      escape(command),
      ".fi",
    ]),
    ...(usage.lists ?? []).flatMap(({ title, rows }) => [
      ".PP",
      escape(`${title}:`),
      ...rows.flatMap(([thing, meaning]) => [".TP", `.B ${escape(thing)}`, escape(meaning)]),
    ]),
    ...(usage.notes ?? []).flatMap((note) => [".PP", escape(note)]),
  ];
}

function optionLines({ flag, alias, valueName, default: fallback = "", help }: OptionRow): string[] {
  const names = `${alias === undefined ? "" : `-${alias}, `}--${flag}${valueName === undefined ? "" : ` <${valueName}>`}`;
  return [".TP", `.B ${escape(names)}`, escape(fallback === "" ? help : `${help} (default ${fallback})`)];
}

/** What roff would take for its own: backslashes, hyphens that are to stay ASCII, and dots at the begin of a line. A terminal may know ASCII alone. */
function escape(text: string): string {
  return text.replaceAll("…", "...").replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}

function quote(text: string): string {
  return `"${escape(text).replaceAll('"', '""')}"`;
}
