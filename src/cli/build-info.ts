import { VERSION } from "../app/version.ts";

/** Given by the build: `bun build --define LVSCARE_COMMIT='"4c49005"'`; absent when the sources are run as they are. */
declare const LVSCARE_COMMIT: string | undefined;
/** The same for the time of the build, ISO 8601 in UTC. */
declare const LVSCARE_BUILD_DATE: string | undefined;

/** What `lvscare version` prints; the keys are the Go program's, with `bunVersion` in the place of `goVersion`. */
export interface BuildInfo {
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly buildDate: string;
  readonly compiler: string;
  readonly platform: string;
  readonly bunVersion: string;
}

export function buildInfo(): BuildInfo {
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

// --- internal ---

/** Scripts compare the platform with what `docker` and `go` call it. */
const GO_ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x64", "amd64"],
  ["ia32", "386"],
]);
