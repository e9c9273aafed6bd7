import type { OptionRow } from "../option-row.ts";
import { parseAbsolutePath, parseChoice, parseTimeout, refusal } from "../value-parsers.ts";
import { CHECKS, type ProbeKind } from "./probe-kind.ts";
import { TIME_ROWS } from "./time-rows.ts";

/** A program that says whether a real server is well, by its exit code. */
export interface ExecProbeOptions {
  readonly type: "exec";
  /** The program's absolute path, and its arguments. There is no shell. */
  readonly command: readonly string[];
  /** `health`: 0 passes, all others fail. `weight`: 1 fails, 2 to 255 pass with a weight of 0 to 253. */
  readonly exitCode: "health" | "weight";
  /** What its standard output is: a reason, or a verdict in JSON. */
  readonly output: "text" | "json";
  /** Whom it runs as; undefined: as this process. */
  readonly user?: string;
  /** Variables beside those that every check has. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** Where it runs. */
  readonly directory: string;
  readonly timeoutMs: number;
}

const EXEC_FILE_ROWS = [
  {
    flag: "exec-command",
    kind: "list",
    takesFile: true,
    fileKind: "program",
    help: "the program's absolute path and its arguments, a list: there is no shell",
    group: CHECKS,
    inFile: { place: "probe", key: "command", type: "arguments" },
  },
  {
    flag: "exec-exit-code",
    kind: "text",
    default: "health",
    help: "what exit codes mean: health (0 passes, others fail), or weight (0 passes, 1 fails, 2 to 255 pass with a weight of 0 to 253)",
    group: CHECKS,
    inFile: { place: "probe", key: "exit-code", type: "choice", choices: ["health", "weight"] },
  },
  {
    flag: "exec-output",
    kind: "text",
    default: "text",
    help: 'what it writes: text (the first line is the reason), or json ({"healthy": true, "weight": 10, "drain": false, "reason": "…"})',
    group: CHECKS,
    inFile: { place: "probe", key: "output", type: "choice", choices: ["text", "json"] },
  },
  {
    flag: "exec-user",
    kind: "text",
    fileKind: "user",
    help: "the user it runs as, with the main group of that user alone; needs root",
    group: CHECKS,
    inFile: { place: "probe", key: "user", type: "text" },
  },
  {
    flag: "exec-environment",
    kind: "map",
    help: "variables of its environment, beside PATH and LVSCARE_VIRTUAL_SERVER, _REAL_SERVER, _ADDRESS, _PORT, _STATE and _WEIGHT",
    group: CHECKS,
    inFile: { place: "probe", key: "environment", type: "texts" },
  },
  {
    flag: "exec-directory",
    kind: "text",
    takesFile: true,
    fileKind: "directory",
    default: "/",
    help: "the directory that it runs in",
    group: CHECKS,
    inFile: { place: "probe", key: "directory", type: "text" },
  },
] as const satisfies readonly OptionRow[];

export const EXEC_KIND: ProbeKind<ExecProbeOptions> = {
  type: "exec",
  help: "exec runs a program",
  schemes: [],
  rows: [...EXEC_FILE_ROWS, ...TIME_ROWS.filter(({ flag }) => flag === "health-timeout")],
  flagRows: [],
  resolve(values) {
    const command = values.readAll("exec-command", parseCommand);
    if (command === undefined && values.isMissing("exec-command"))
      values.refuse("exec-command", "a probe of type exec needs a command");
    const exitCode =
      values.readOptional("exec-exit-code", parseChoice(["health", "weight"])) === "weight" ? "weight" : "health";
    const output = values.readOptional("exec-output", parseChoice(["text", "json"])) === "json" ? "json" : "text";
    if (exitCode === "weight" && output === "json")
      values.refuse("exec-output", "json has the weight in it: exit-code: weight does not go with it");
    const user = values.readOptional("exec-user", parseUser);
    return {
      type: "exec",
      command: command ?? [],
      exitCode,
      output,
      ...(user !== undefined && { user }),
      environment: values.readAll("exec-environment", parseEnvironment) ?? [],
      directory: values.readOptional("exec-directory", parseAbsolutePath) ?? "/",
      timeoutMs: values.read("health-timeout", parseTimeout),
    };
  },
};

export function isUserName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/.test(text);
}

// --- internal ---

function parseCommand(texts: readonly string[]): readonly string[] {
  const [program, ...rest] = texts;
  // Of another type, which was told.
  if (program === undefined) return [];
  if (!program.startsWith("/")) throw refusal(`"${program}" is no absolute path of a program`);
  const wrong = texts.find((text) => text.includes("\0"));
  if (wrong !== undefined) throw refusal("an argument has a zero byte in it");
  return [program, ...rest];
}

function parseUser(text: string): string {
  if (!isUserName(text)) throw refusal(`"${text}" is no name of a user`);
  return text;
}

/** From a map in JSON. */
function parseEnvironment(texts: readonly string[]): readonly (readonly [name: string, value: string])[] {
  const entries = texts.flatMap((text) => Object.entries(JSON.parse(text) as Readonly<Record<string, string>>));
  const problems = entries.flatMap(([name, value]) => variableProblem(name, value) ?? []);
  if (problems.length > 0) throw refusal(problems.join("; "));
  return entries;
}

function variableProblem(name: string, value: string): string | undefined {
  if (!/^[A-Za-z_]\w*$/.test(name)) return `"${name}" is no name of a variable`;
  if (name.startsWith("LVSCARE_")) return `${name} is set by LVScare itself`;
  return value.includes("\0") ? `the value of ${name} has a zero byte in it` : undefined;
}
