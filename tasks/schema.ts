import { join } from "node:path";
import { configSchema } from "../src/config/file/schema.ts";
import { renderConfigTypes } from "./build/config-types.ts";
import { checkout } from "./test/checkout.ts";

/** What `lvscare config --schema` prints, as a file for editors and for the npm package. */
export const SCHEMA_FILE = join(checkout, "schema/config.schema.json");

/** The same for programs that use the SDK. */
export const CONFIG_TYPES_FILE = join(checkout, "src/config/file/config-types.ts");

export function schemaText(): string {
  return `${JSON.stringify(configSchema(), undefined, 2)}\n`;
}

if (import.meta.main) {
  await Bun.write(SCHEMA_FILE, schemaText());
  await Bun.write(CONFIG_TYPES_FILE, renderConfigTypes());
}
