import { oneLine } from "../../config/one-line.ts";
import type { OptionRow } from "../../config/option-row.ts";
import { command, usagesOf, type Command, type CommandEntry } from "../command.ts";
import type { CommandUsage } from "../usage.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** What the scripts ask running daemons for, through this very command. */
const SUGGESTIONS = ["virtual-servers", "real-servers"] as const;
type Suggestion = (typeof SUGGESTIONS)[number];

/** `lvscare completion`: a script for a shell. */
export function completionCommand(commands: readonly CommandEntry[]): Command {
  return command(
    {
      name: "completion",
      about:
        "Prints a script that completes commands, flags, and the virtual and real servers of running daemons in bash, zsh or fish.",
      synopsis: "bash|zsh|fish",
      rows: [],
      operands: 2,
      examples: [{ about: "for this shell only", command: "lvscare completion bash" }],
      notes: [
        "bash: source <(lvscare completion bash), in ~/.bashrc for always. fish: lvscare completion fish | source.",
        "The scripts ask lvscare completion virtual-servers and real-servers for the addresses and names that running daemons know; of real servers, " +
          "for those which the line so far leaves.",
      ],
    },
    {
      read(values, { operands }) {
        const [word, line = ""] = operands;
        const asked = [...SHELLS, ...SUGGESTIONS].find((one) => one === word);
        if (asked === undefined) values.problems.push(`name a shell: ${SHELLS.join(", ")}`);
        else if (asked !== "real-servers" && operands.length > 1) values.problems.push(`unexpected argument "${line}"`);
        return { asked, line };
      },
      async run({ asked, line }, { out }) {
        const suggestion = SUGGESTIONS.find((one) => one === asked);
        const shell = SHELLS.find((one) => one === asked);
        if (suggestion !== undefined) {
          const { knownNames } = await import("../../app/known-names.ts");
          await out.write((await knownNames(suggestion, line)).map((word) => `${oneLine(word)}\n`).join(""));
        } else if (shell !== undefined) {
          const usages = [...(await usagesOf(commands)), ...withoutFlags(commands)];
          await out.write(renderCompletion(shell, commands, usages));
        }
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

/** What has no flags, and takes words all the same: this very command, and help. */
function withoutFlags(commands: readonly CommandEntry[]): readonly CommandUsage[] {
  const one = { about: "", synopsis: "", rows: [], examples: [] };
  return [
    { ...one, name: "completion", operandChoices: SHELLS },
    { ...one, name: "help", operandChoices: commands.map(({ name }) => name) },
  ];
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
      .map(({ flag, alias, choices, takesFile, suggests }) => {
        const names = [`--${flag}`, ...(alias === undefined ? [] : [`-${alias}`])];
        const patterns = names.map((name) => `${usage.name}:${name}`).join("|");
        return `    ${patterns}) ${bashWords(choices, takesFile, suggests)} ;;`;
      }),
  );
  const others = usages.flatMap((usage) => [
    `    ${usage.name}:*:-*) words="${[...flagsOf(usage), "--help"].join(" ")}" ;;`,
    `    ${usage.name}:*) ${bashWords(usage.operandChoices, usage.operandIsFile, usage.operandSuggests)} ;;`,
  ]);
  return `# bash completion for lvscare: source <(lvscare completion bash)
_lvscare() {
  # Bash takes each ":" for a word of its own: an address is put together again.
  local at=$COMP_CWORD before="" words="" files=false line
  while [[ $at -gt 2 && ( "\${COMP_WORDS[at]}" =~ ^:+$ || "\${COMP_WORDS[at - 1]}" =~ ^:+$ ) ]]; do
    at=$((at - 1))
    before="\${COMP_WORDS[at]}$before"
  done
  local current="$before\${COMP_WORDS[COMP_CWORD]}" flag="\${COMP_WORDS[at - 1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help" -- "$current"))
    return
  fi
  line="\${COMP_WORDS[*]:2:at-2}"
  line="\${line// :/:}" line="\${line//: /:}" line="\${line// = /=}"
  # Bash takes the "=" between a flag and its value for a word of its own.
  [ "$flag" != "=" ] || flag="\${COMP_WORDS[at - 2]}"
  [ "$current" != "=" ] || current=""
  case "\${COMP_WORDS[1]}:$flag" in
${values.join("\n")}
    *) case "\${COMP_WORDS[1]}:$flag:$current" in
${others.join("\n")}
    esac ;;
  esac
  if [ "$files" = true ]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  # It keeps what it has taken for words before the last one.
  [ -z "$before" ] || COMPREPLY=("\${COMPREPLY[@]#"\${current%"\${current##*:}"}"}")
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
      const action = zshAction(row.choices, row.takesFile, row.suggests);
      return quote(`*--${flag}=[${text}]:${valueName.replaceAll(":", " ")}:${action}`);
    });
    const action = zshAction(usage.operandChoices, usage.operandIsFile, usage.operandSuggests);
    // Told of arguments that it can say nothing of, zsh lists flags and inserts none.
    if (action !== " ") specs.push(`'*: :${action}'`);
    return `    ${usage.name}) _arguments ${specs.join(" ")} ;;`;
  });
  return `#compdef lvscare
# zsh completion for lvscare: lvscare completion zsh > "\${fpath[1]}/_lvscare"
_lvscare_known() {
  local -a known
  known=(\${(f)"$(lvscare completion "$@" 2>/dev/null)"})
  compadd -a known
}
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
    rowsOf(usage).map(({ flag, alias, kind, help, choices, takesFile, suggests }) => {
      const short = alias === undefined ? "" : ` -s ${alias}`;
      const value = kind === "boolean" ? "" : fishValue(choices, takesFile, suggests);
      return `${of(usage)} -l ${flag}${short}${value} -d ${quote(help)}`;
    }),
  );
  const operands = usages.map((usage) => {
    const offered = fishWords(usage.operandChoices, usage.operandSuggests);
    const words = offered === undefined ? "" : ` -a ${quote(offered)}`;
    return `${of(usage)} ${usage.operandIsFile ? "-F" : `-f${words}`}`;
  });
  return `# fish completion for lvscare: lvscare completion fish | source\n${[...first, ...operands, ...flags].join("\n")}\n`;
}

/** Bash commands that say which words there are. */
function bashWords(choices: readonly string[] = [], takesFile = false, suggests?: Suggestion): string {
  const words =
    suggests === undefined ? choices.join(" ") : `$(lvscare completion ${asking(suggests, '" $line"')} 2>/dev/null)`;
  return `words="${words}" files=${takesFile}`;
}

function zshAction(choices: readonly string[] | undefined, takesFile = false, suggests?: Suggestion): string {
  if (choices !== undefined) return `(${choices.join(" ")})`;
  // With a space in front it gets no arguments of zsh's own.
  if (suggests !== undefined) return ` _lvscare_known ${asking(suggests, '" ${(Q)words[2,CURRENT-1]}"')}`;
  return takesFile ? "_files" : " ";
}

function of({ name }: CommandUsage): string {
  return `complete -c lvscare -n '__fish_seen_subcommand_from ${name}'`;
}

/** `-x`: a value, and no file names for it. */
function fishValue(choices: readonly string[] | undefined, takesFile = false, suggests?: Suggestion): string {
  if (takesFile) return " -r -F";
  const words = fishWords(choices, suggests);
  return words === undefined ? " -x" : ` -x -a ${quote(words)}`;
}

function fishWords(choices: readonly string[] | undefined, suggests: Suggestion | undefined): string | undefined {
  if (suggests === undefined) return choices?.join(" ");
  return `(lvscare completion ${asking(suggests, '(string join " " -- "" (commandline -opc)[3..-1])')} 2>/dev/null)`;
}

/** What is asked of `lvscare completion`: of real servers, with what stands on the line so far; a blank in front keeps it from being a flag. */
function asking(suggestion: Suggestion, line: string): string {
  return suggestion === "real-servers" ? `${suggestion} ${line}` : suggestion;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}
