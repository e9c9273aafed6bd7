import type { Findings } from "./finding.ts";
import { expected } from "./key-value.ts";
import type { PlacedValue } from "./settings.ts";

/** A label as it may be in a DNS name. */
export function readName(name: PlacedValue | undefined, findings: Findings): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name.value === "string" && /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name.value)) return name.value;
  const what = "a name of at most 63 small letters, digits and hyphens";
  findings.error("type", name.place, expected(what, name.value).problem);
  return undefined;
}
