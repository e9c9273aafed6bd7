import { join } from "node:path";
import { configSchema } from "../src/config/file/schema.ts";
import { checkout } from "./test/checkout.ts";

/** What `lvscare config --schema` prints, as a file for editors and for the npm package. */
export const SCHEMA_FILE = join(checkout, "schema/config.schema.json");

export function schemaText(): string {
  return `${JSON.stringify(configSchema(), undefined, 2)}\n`;
}

if (import.meta.main) await Bun.write(SCHEMA_FILE, schemaText());
