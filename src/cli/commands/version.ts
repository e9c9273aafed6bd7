import { VERSION } from "../../app/version.ts";
import { outputRow } from "../../config/shared-option-rows.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { command } from "../command.ts";
import { formatData } from "../output.ts";

/** `lvscare version`: JSON, as the Go program prints it. */
export const versionCommand = command(
  {
    name: "version",
    about: "Prints the version and what it was built from.",
    synopsis: "[flags]",
    rows: [
      { flag: "short", kind: "boolean", help: "only <version>-<commit>", group: "Flags" },
      outputRow(["json", "yaml"], "json or yaml"),
    ],
    examples: [{ about: "one word for scripts", command: "lvscare version --short" }],
  },
  {
    read: (values) => ({
      short: values.read("short", parseBoolean),
      format: values.read("output", parseChoice(["json", "yaml"])),
    }),
    async run({ short, format }, { out }) {
      const info = buildInfo();
      await out.write(short ? `${info.gitVersion}-${info.gitCommit}\n` : formatData(info, format));
      return 0;
    },
  },
);

// --- internal ---

/** Given by the build: `bun build --define LVSCARE_COMMIT='"4c49005"'`; absent when the sources are run as they are. */
declare const LVSCARE_COMMIT: string | undefined;
/** The same for the time of the build, ISO 8601 in UTC. */
declare const LVSCARE_BUILD_DATE: string | undefined;

/** What `lvscare version` prints; the keys are the Go program's, with `bunVersion` in the place of `goVersion`. */
interface BuildInfo {
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly buildDate: string;
  readonly compiler: string;
  readonly platform: string;
  readonly bunVersion: string;
}

function buildInfo(): BuildInfo {
  return {
    gitVersion: VERSION,
    // `typeof` is the only way to ask for a name that may not exist.
    gitCommit: typeof LVSCARE_COMMIT === "string" ? LVSCARE_COMMIT : "unknown",
    buildDate: typeof LVSCARE_BUILD_DATE === "string" ? LVSCARE_BUILD_DATE : "unknown",
    compiler: "bun",
    platform: `${process.platform}/${GO_ARCHITECTURES.get(process.arch) ?? process.arch}`,
    bunVersion: Bun.version,
  };
}

/** Scripts compare the platform with what `docker` and `go` call it. */
const GO_ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x64", "amd64"],
  ["ia32", "386"],
]);
