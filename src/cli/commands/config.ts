import { CARE_OPTION_ROWS } from "../../config/care-option-rows.ts";
import type { OptionRow } from "../../config/option-row.ts";
import { mergeGiven } from "../../config/option-values.ts";
import { CARE_ENVIRONMENT_PREFIXES, readEnvironment } from "../../config/read-environment.ts";
import { parseBoolean } from "../../config/value-parsers.ts";
import { renderYaml } from "../../manifest/yaml.ts";
import { command } from "../command.ts";
import { formatData } from "../output.ts";

/** `lvscare config`: writes configuration files, and what they may have in them. */
export const configCommand = command(
  {
    name: "config",
    about:
      "Prints the configuration file that says the same as given flags of `lvscare care` and their variables, no more of it than differs from the defaults; " +
      "or the JSON Schema of such files, by which editors complete and check them.",
    synopsis: "--from-flags <flags of lvscare care> | --schema",
    rows: [
      {
        flag: "from-flags",
        kind: "boolean",
        help: "print the file that says the same as the flags that follow",
        group: "Flags",
      },
      { flag: "schema", kind: "boolean", help: "print the JSON Schema of configuration files", group: "Flags" },
    ] as const satisfies readonly OptionRow[],
    borrowed: CARE_OPTION_ROWS,
    examples: [
      {
        about: "from flags to a file",
        command: "lvscare config --from-flags --vs 10.0.0.1:443 --rs 10.0.0.2:443,10.0.0.3:443 --fall 3",
      },
      { about: "for an editor", command: "lvscare config --schema" },
    ],
  },
  {
    async read(values, { given, problems }, { environment }) {
      const isSchema = values.read("schema", parseBoolean);
      if (isSchema === values.read("from-flags", parseBoolean)) {
        values.problems.push("say either --from-flags or --schema");
        return undefined;
      }
      if (isSchema) {
        const { configSchema } = await import("../../config/file/schema.ts");
        return formatData(configSchema(), "json");
      }
      const { fileFromFlags } = await import("../../config/file/from-flags.ts");
      const flags = [...given].filter(([flag]) => CARE_OPTION_ROWS.some((row) => row.flag === flag));
      const variables = readEnvironment(environment, CARE_OPTION_ROWS, CARE_ENVIRONMENT_PREFIXES);
      return renderYaml(fileFromFlags(mergeGiven(new Map(flags), variables), problems));
    },
    async run(text, { out }) {
      await out.write(text);
      return 0;
    },
  },
);
