import type { Endpoint } from "../domain/endpoint.ts";
import type { CareFlag } from "./care-option-rows.ts";
import type { LogOptions } from "./care-options.ts";
import { parseListen } from "./listen-address.ts";
import type { OptionValues } from "./option-values.ts";
import { parseAbsolutePath, parseChoice, refusal } from "./value-parsers.ts";

export function resolveLog(values: OptionValues<CareFlag>): LogOptions {
  return { level: values.read("logger", parseLevel), format: values.read("log-format", parseChoice(["text", "json"])) };
}

export function resolveHttpListen(values: OptionValues<CareFlag>): Endpoint | undefined {
  return values.readOptional("http-listen", parseListen);
}

export function resolveCacheDirectory(values: OptionValues<CareFlag>): string {
  return values.read("cache-directory", parseAbsolutePath);
}

// --- internal ---

function parseLevel(text: string): LogOptions["level"] {
  if (/^info$/i.test(text)) return "info";
  if (/^debu?g$/i.test(text)) return "debug";
  throw refusal(`"${text}" is neither INFO nor DEBG`);
}
