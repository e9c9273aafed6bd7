import type { OptionRow } from "../config/option-row.ts";
import type { CommandEntry } from "./command-entry.ts";
import type { CommandUsage } from "./usage.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A completion script, made of the options tables. */
export function renderCompletion(
  shell: Shell,
  commands: readonly CommandEntry[],
  usages: readonly CommandUsage[],
): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](commands, usages);
}

// --- internal ---

function rowsOf({ rows, borrowed = [] }: CommandUsage): readonly OptionRow[] {
  return [...rows, ...borrowed];
}

function flagsOf(usage: CommandUsage): string[] {
  return rowsOf(usage).flatMap(({ flag, alias }) => [`--${flag}`, ...(alias === undefined ? [] : [`-${alias}`])]);
}

function renderBash(commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  const cases = usages.map((usage) => `    ${usage.name}) words="${[...flagsOf(usage), "--help"].join(" ")}" ;;`);
  return `# bash completion for lvscare: source <(lvscare completion bash)
_lvscare() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -F _lvscare lvscare
`;
}

function renderZsh(commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  const described = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = usages.map((usage) => {
    const specs = rowsOf(usage).map(({ flag, help, kind, valueName = "value" }) => {
      const text = help.replaceAll(/[[\]:]/g, " ");
      return quote(
        kind === "boolean" ? `--${flag}[${text}]` : `*--${flag}=[${text}]:${valueName.replaceAll(":", " ")}:_files`,
      );
    });
    return `    ${usage.name}) _arguments ${specs.join(" ")} '*:file:_files' ;;`;
  });
  return `#compdef lvscare
# zsh completion for lvscare: lvscare completion zsh > "\${fpath[1]}/_lvscare"
_lvscare() {
  local -a commands
  commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
_lvscare "$@"
`;
}

function renderFish(commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  const first = commands.map(
    ({ name, summary }) => `complete -c lvscare -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
  );
  const flags = usages.flatMap((usage) =>
    rowsOf(usage).map(({ flag, alias, kind, help }) => {
      const short = alias === undefined ? "" : ` -s ${alias}`;
      return `complete -c lvscare -n '__fish_seen_subcommand_from ${usage.name}' -l ${flag}${short}${kind === "boolean" ? "" : " -r"} -d ${quote(help)}`;
    }),
  );
  return `# fish completion for lvscare: lvscare completion fish | source\n${[...first, ...flags].join("\n")}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}
