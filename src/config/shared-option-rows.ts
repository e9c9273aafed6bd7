import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import { isName } from "../domain/name.ts";
import { parseVirtualServerWord } from "../domain/virtual-server-name.ts";
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
    valueName: "IP:port or name",
    suggests: "virtual-servers",
    help: `${help}; repeat the flag or list several with commas${byDefault === undefined ? "" : ` (default: ${byDefault})`}`,
    group: "Flags",
  } as const;
}

/** Which ones it names, in canonical text. */
export function readVirtualServers(values: OptionValues<"vs">): string[] {
  return values.readList("vs", parseVirtualServerWord);
}

/** An address in canonical text, or a name as it is. Throws BAD_ADDRESS for what is neither. */
export function parseCalled(text: string): string {
  return isName(text) ? text : formatEndpoint(parseEndpoint(text));
}
