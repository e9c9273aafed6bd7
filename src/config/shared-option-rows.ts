import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import type { OptionValues } from "./option-values.ts";

/** `--output` of a command; the first of its formats is the one without it. */
export function outputRow<const Format extends string>(choices: readonly [Format, ...Format[]], help: string) {
  const [fallback] = choices;
  return {
    flag: "output",
    alias: "o",
    kind: "text",
    valueName: "format",
    choices,
    default: fallback,
    help,
    group: "Flags",
  } as const;
}

/** `--vs` of a command that looks at one or several virtual servers. */
export function virtualServersRow(help: string, byDefault?: string) {
  return {
    flag: "vs",
    kind: "list",
    valueName: "IP:port",
    help: `${help}; repeat the flag or list several with commas${byDefault === undefined ? "" : ` (default: ${byDefault})`}`,
    group: "Flags",
  } as const;
}

/** Which ones it names, in canonical text. */
export function readVirtualServers(values: OptionValues<"vs">): string[] {
  return values.readList("vs", (text) => formatEndpoint(parseEndpoint(text)));
}
