import { configSchema, PATTERNS, type Schema } from "../../src/config/file/schema.ts";
import { fileKeysOf, PROBE_KINDS } from "../../src/config/probe-kinds/probe-kinds.ts";

/** All keys of a configuration file, by the schema that editors check it by. */
export function configKeys(): string {
  const schema = configSchema();
  const { "virtual-servers": virtualServers, defaults, ...top } = propertiesOf(schema);
  const virtualServer = propertiesOf(schemaAt(virtualServers, "items"));
  return [
    ["The top of the file", keyTable({ ...top, defaults: leaf(defaults), "virtual-servers": leaf(virtualServers) })],
    ["A virtual server", keyTable(virtualServer)],
    ["A real server", keyTable(propertiesOf(definition("real-server")))],
    ["persistence", keyTable(propertiesOf(definition("persistence")))],
    ["discover", keyTable(propertiesOf(definition("discover")))],
    ["probe", keyTable(propertiesOf(definition("probe")), typesWith)],
    ["probes, of several that decide together", keyTable(propertiesOf(definition("combination")))],
  ]
    .map(([title = "", table = ""]) => `### ${title}\n\n${table}`)
    .join("\n\n");
}

// --- internal ---

interface Key {
  /** With a dot between levels. */
  readonly path: string;
  readonly schema: Schema;
}

function keyTable(properties: Record<string, Schema>, types?: (path: string) => string): string {
  const head =
    types === undefined ? ["| key | value | |", "|---|---|---|"] : ["| key | value | types | |", "|---|---|---|---|"];
  const rows = leavesOf(properties).map(({ path, schema }) => {
    const about = aboutOf(schema).replaceAll("|", "\\|");
    return `| \`${path}\` | ${valueOf(schema)} |${types === undefined ? "" : ` ${types(path)} |`} ${about} |`;
  });
  return [...head, ...rows].join("\n");
}

/** Keys that have keys below them are left out, unless they are something of their own. */
function leavesOf(properties: Record<string, Schema>, above = ""): Key[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${above}${name}`;
    return isGroup(schema) ? leavesOf(propertiesOf(schema), `${path}.`) : [{ path, schema }];
  });
}

function isGroup(schema: Schema): boolean {
  return "properties" in schema && !("$leaf" in schema);
}

/** A key that has a table of its own. */
function leaf(schema: Schema | undefined): Schema {
  return { ...schema, $leaf: true };
}

/** Its own description, or that of what it refers to. */
function aboutOf(schema: Schema): string {
  const reference = /^#\/\$defs\/(.*)$/.exec(String(schema["$ref"] ?? ""))?.[1];
  const about = schema["description"] ?? (reference === undefined ? "" : definition(reference)["description"]);
  return typeof about === "string" ? about : "";
}

/** Which types of probes have this key. */
function typesWith(path: string): string {
  const kinds = PROBE_KINDS.filter((kind) =>
    fileKeysOf(kind).some((key) => key === path || path.startsWith(`${key}.`)),
  );
  return kinds.length === 0 ? "all" : kinds.map(({ type }) => `\`${type}\``).join(", ");
}

/** What may stand there, in words; null may stand nearly everywhere and is left out. */
function valueOf(schema: Schema): string {
  const reference = /^#\/\$defs\/(.*)$/.exec(String(schema["$ref"] ?? ""))?.[1];
  if (reference === "time") return "time";
  if (reference !== undefined) return LINKS.get(reference) ?? reference;
  if ("const" in schema) return `\`${String(schema["const"])}\``;
  if (Array.isArray(schema["enum"])) return wordsOf(schema["enum"]);
  if (Array.isArray(schema["anyOf"]))
    return [...new Set((schema["anyOf"] as readonly Schema[]).map(valueOf).filter((word) => word !== ""))].join(" or ");
  const type = [schema["type"]].flat().find((word) => word !== "null");
  if (type === "integer" || type === "number") return numberOf(schema);
  if (type === "boolean") return "`true`, `false`";
  if (type === "string") return TEXTS.get(String(schema["pattern"])) ?? "text";
  if (type === "array") return `list of ${valueOf((schema["items"] ?? {}) as Schema)}`;
  if (type === "object") return "keys and values";
  return "";
}

function wordsOf(values: readonly unknown[]): string {
  return values
    .filter((value) => value !== null)
    .map((value) => `\`${String(value)}\``)
    .join(", ");
}

function numberOf({ minimum, maximum }: Schema): string {
  if (minimum === 100 && maximum === 999) return "status";
  return maximum === undefined ? "number" : `${String(minimum)} to ${String(maximum)}`;
}

const TEXTS: ReadonlyMap<string, string> = new Map<string, string>([
  [PATTERNS.endpoint, "IP:port"],
  [PATTERNS.name, "name"],
  [PATTERNS.percentage, "percentage"],
  [PATTERNS.statuses, "range"],
  [PATTERNS.sha256, "64 hexadecimal digits"],
]);

const LINKS: ReadonlyMap<string, string> = new Map([
  ["probe", "[probe](#probe)"],
  ["combination", "[several](#probes-of-several-that-decide-together)"],
  ["persistence", "[persistence](#persistence)"],
  ["discover", "[discover](#discover)"],
  ["real-server", "[real server](#a-real-server)"],
]);

function definition(name: string): Schema {
  return schemaAt(schemaAt(configSchema(), "$defs"), name);
}

function schemaAt(schema: Schema | undefined, key: string): Schema {
  return (schema?.[key] ?? {}) as Schema;
}

function propertiesOf(schema: Schema): Record<string, Schema> {
  return schemaAt(schema, "properties") as Record<string, Schema>;
}
