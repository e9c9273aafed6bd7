import type { OptionRow } from "../../config/option-row.ts";
import { command, usagesOf, type Command, type CommandEntry } from "../command.ts";
import type { CommandUsage } from "../usage.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** `lvscare completion`: a script for a shell. */
export function completionCommand(commands: readonly CommandEntry[]): Command {
  return command(
    {
      name: "completion",
      about: "Prints a script that completes commands and flags in bash, zsh or fish.",
      synopsis: "bash|zsh|fish",
      rows: [],
      operands: 1,
      examples: [{ about: "for this shell only", command: "lvscare completion bash" }],
      notes: [
        "bash: source <(lvscare completion bash), in ~/.bashrc for always. fish: lvscare completion fish | source.",
      ],
    },
    {
      read(values, { operands }) {
        const shell = SHELLS.find((one) => one === operands[0]);
        if (shell === undefined) values.problems.push(`name a shell: ${SHELLS.join(", ")}`);
        return shell;
      },
      async run(shell, { out }) {
        await out.write(renderCompletion(shell, commands, await usagesOf(commands)));
        return 0;
      },
    },
  );
}

// --- internal ---

/** A completion script, made of the options tables. */
function renderCompletion(shell: Shell, commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](commands, usages);
}

function rowsOf({ rows, borrowed = [] }: CommandUsage): readonly OptionRow[] {
  return [...rows, ...borrowed];
}

function flagsOf(usage: CommandUsage): string[] {
  return rowsOf(usage).flatMap(({ flag, alias }) => [`--${flag}`, ...(alias === undefined ? [] : [`-${alias}`])]);
}

function renderBash(commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  const values = usages.flatMap((usage) =>
    rowsOf(usage)
      .filter(({ kind }) => kind !== "boolean")
      .map(({ flag, alias, choices = [], takesFile = false }) => {
        const names = [`--${flag}`, ...(alias === undefined ? [] : [`-${alias}`])];
        const patterns = names.map((name) => `${usage.name}:${name}`).join("|");
        return `    ${patterns}) words="${choices.join(" ")}" files=${takesFile} ;;`;
      }),
  );
  const others = usages.flatMap((usage) => [
    `    ${usage.name}:*:-*) words="${[...flagsOf(usage), "--help"].join(" ")}" ;;`,
    `    ${usage.name}:*) words="${usage.operandChoices?.join(" ") ?? ""}" files=${usage.operandIsFile ?? false} ;;`,
  ]);
  return `# bash completion for lvscare: source <(lvscare completion bash)
_lvscare() {
  local current="\${COMP_WORDS[COMP_CWORD]}" flag="\${COMP_WORDS[COMP_CWORD - 1]}" words="" files=false
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help" -- "$current"))
    return
  fi
  # Bash takes the "=" between a flag and its value for a word of its own.
  [ "$flag" != "=" ] || flag="\${COMP_WORDS[COMP_CWORD - 2]}"
  [ "$current" != "=" ] || current=""
  case "\${COMP_WORDS[1]}:$flag" in
${values.join("\n")}
    *) case "\${COMP_WORDS[1]}:$flag:$current" in
${others.join("\n")}
    esac ;;
  esac
  if [ "$files" = true ]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _lvscare lvscare
`;
}

function renderZsh(commands: readonly CommandEntry[], usages: readonly CommandUsage[]): string {
  const described = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = usages.map((usage) => {
    const specs = rowsOf(usage).map(({ flag, help, kind, valueName = "value", ...row }) => {
      const text = help.replaceAll(/[[\]:]/g, " ");
      if (kind === "boolean") return quote(`--${flag}[${text}]`);
      return quote(`*--${flag}=[${text}]:${valueName.replaceAll(":", " ")}:${zshAction(row.choices, row.takesFile)}`);
    });
    return `    ${usage.name}) _arguments ${specs.join(" ")} '*: :${zshAction(usage.operandChoices, usage.operandIsFile)}' ;;`;
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
    rowsOf(usage).map(({ flag, alias, kind, help, choices, takesFile }) => {
      const short = alias === undefined ? "" : ` -s ${alias}`;
      const value = kind === "boolean" ? "" : fishValue(choices, takesFile);
      return `${of(usage)} -l ${flag}${short}${value} -d ${quote(help)}`;
    }),
  );
  const operands = usages.map((usage) => {
    const words = usage.operandChoices === undefined ? "" : ` -a ${quote(usage.operandChoices.join(" "))}`;
    return `${of(usage)} ${usage.operandIsFile ? "-F" : `-f${words}`}`;
  });
  return `# fish completion for lvscare: lvscare completion fish | source\n${[...first, ...operands, ...flags].join("\n")}\n`;
}

function zshAction(choices: readonly string[] | undefined, takesFile = false): string {
  if (choices !== undefined) return `(${choices.join(" ")})`;
  return takesFile ? "_files" : " ";
}

function of({ name }: CommandUsage): string {
  return `complete -c lvscare -n '__fish_seen_subcommand_from ${name}'`;
}

/** `-x`: a value, and no file names for it. */
function fishValue(choices: readonly string[] | undefined, takesFile = false): string {
  if (takesFile) return " -r -F";
  return choices === undefined ? " -x" : ` -x -a ${quote(choices.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}
