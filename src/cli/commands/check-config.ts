import type { OptionRow } from "../../config/option-row.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { command } from "../command.ts";

/** `lvscare check-config`: whether a configuration file is good, and what is wrong with it where. */
export const checkConfigCommand = command(
  {
    name: "check-config",
    about:
      "Reads a configuration file as `lvscare care --config` would, with all that it includes, and prints everything that is wrong with it and where: " +
      "FILE:LINE:COLUMN: error: PATH: WHAT; HINT. Touches nothing and needs no rights. Exits with 1 when there is an error.",
    synopsis: "<file> [flags]",
    rows: [
      {
        flag: "format",
        kind: "text",
        valueName: "format",
        choices: ["text", "json"],
        default: "text",
        help: "text for people and editors, json for programs: one object for each problem, a line each",
        group: "Flags",
      },
      { flag: "strict", kind: "boolean", help: "exit with 1 for warnings, too", group: "Flags" },
      {
        flag: "offline",
        kind: "boolean",
        help: "the file is for another host: that a file which its options name cannot be read here is a warning and no error",
        group: "Flags",
      },
    ] as const satisfies readonly OptionRow[],
    operands: 1,
    operandIsFile: true,
    examples: [
      { about: "before a reload", command: "lvscare check-config /etc/lvscare.yaml" },
      { about: "what another program wrote", command: "generate | lvscare check-config - --format json --strict" },
    ],
    notes: ["A dash in the place of the file means standard input."],
  },
  {
    read(values, { operands: [path] }) {
      const format = values.read("format", parseChoice(["text", "json"]));
      const isStrict = values.read("strict", parseBoolean);
      const isElsewhere = values.read("offline", parseBoolean);
      if (path !== undefined && path !== "") return { path, format, isStrict, isElsewhere };
      values.problems.push("name a configuration file, or - for standard input");
      return undefined;
    },
    async run({ path, format, isStrict, isElsewhere }, { out }) {
      const { examineConfig } = await import("../../app/config-file.ts");
      const { FILES_ELSEWHERE, FILES_HERE } = await import("../../app/file-problem.ts");
      const { formatProblems } = await import("../../config/file/finding.ts");
      const { oneLine } = await import("../../config/one-line.ts");
      const { config, problems } = await examineConfig(path, { files: isElsewhere ? FILES_ELSEWHERE : FILES_HERE });
      const lines =
        format === "json" ? problems.map((problem) => JSON.stringify(problem)) : formatProblems(problems).map(oneLine);
      if (config !== undefined && format === "text") {
        const [servers, real] = [
          config.virtualServers.length,
          config.virtualServers.flatMap((one) => one.realServers).length,
        ];
        lines.push(
          oneLine(`${path}: good, with ${count(servers, "virtual server")} and ${count(real, "real server")}`),
        );
      }
      await out.write(lines.map((line) => `${line}\n`).join(""));
      return config === undefined || (isStrict && problems.length > 0) ? 1 : 0;
    },
  },
);

// --- internal ---

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
