import { camelCase } from "../../src/config/camel-case.ts";
import { configSchema, PATTERNS, type Schema } from "../../src/config/file/schema.ts";

/**
 * The types of a configuration as the SDK takes it, made of the schema of configuration files: its keys in camel case,
 * its words as literals, its descriptions as documentation.
 */
export function renderConfigTypes(): string {
  const schema = configSchema();
  const definitions = child(schema, "$defs");
  const [time, realServer, persistence, probe, combination, discover] = [
    "time",
    "real-server",
    "persistence",
    "probe",
    "combination",
    "discover",
  ].map((key) => child(definitions, key)) as [Schema, Schema, Schema, Schema, Schema, Schema];
  const properties = propertiesOf(schema);
  const defaults = child(properties, "defaults");
  const shared = propertiesOf(defaults);
  const virtualServer = child(child(properties, "virtual-servers"), "items");
  const own = Object.fromEntries(Object.entries(propertiesOf(virtualServer)).filter(([key]) => !(key in shared)));
  const top = Object.fromEntries(Object.entries(properties).filter(([key]) => !OF_PROGRAMS.has(key)));
  const keys = [
    properties,
    shared,
    own,
    ...[realServer, persistence, probe, combination, discover].map(propertiesOf),
  ].flatMap(Object.keys);
  const text = new ConfigTypes(
    new Map([
      [defaults, "VirtualServerDefaults"],
      [virtualServer, "VirtualServerConfig"],
      [realServer, "RealServerConfig"],
      [persistence, "PersistenceConfig"],
      [probe, "ProbeConfig"],
      [combination, "CombinationConfig"],
      [discover, "DiscoverConfig"],
      [time, "Time"],
    ]),
    definitions,
    new Set(keys.filter((key) => key.includes("-"))),
  );
  return [
    HEAD,
    text.declare("LvscareConfig", TOP, { properties: top, required: ["virtual-servers"] }),
    text.declare("VirtualServerDefaults", "What virtual servers may have in common.", defaults),
    text.declare("VirtualServerConfig extends VirtualServerDefaults", "A virtual server, and how it is cared for.", {
      ...virtualServer,
      properties: own,
    }),
    text.declare("RealServerConfig", "A real server of which more is said than its address.", realServer),
    text.declare("PersistenceConfig", describe(persistence), persistence),
    text.declare("ProbeConfig", "How real servers are checked.", probe),
    text.declare(
      "CombinationConfig",
      "Several probes that decide together: all, any, or atLeast with of.",
      combination,
    ),
    text.declare("DiscoverConfig", "Who finds the real servers, beside those that are listed.", discover),
    `${text.comment(describe(time), "")}export type Time =${TIME.map((part) => `\n  | ${part}`).join("")};\n`,
  ].join("\n");
}

// --- internal ---

const HEAD = `// Written by \`bun run schema\` from the table of options: change that, and not this.
`;

const TOP =
  "What `createLvscare` cares for: what a configuration file says, its keys in camel case. null stands for the built-in value of an option.";

/** Keys that belong to a program, and not to what it cares for. */
const OF_PROGRAMS = new Set(["include", "logger", "log-format"]);

const TIME = [
  "number",
  '`${number}${"ms" | "s" | "m" | "h"}`',
  "`${number}m${number}s`",
  "`${number}h${number}m`",
  "`${number}h${number}m${number}s`",
];

/** Texts of a certain form, where the compiler can tell it; addresses come from elsewhere, and are any text to it. */
const TEXT_TYPES: ReadonlyMap<unknown, readonly string[]> = new Map([
  [PATTERNS.percentage, ["`${number}%`"]],
  [PATTERNS.statuses, ["`${number}`", "`${number}-${number}`"]],
]);

/** What is said of the command line alone. */
const ELSEWHERE = "LVSCARE_NODE_IP stands in for it, else it is found";
const HERE = "where it is not given, it is found";

const WIDTH = 120;

/** Writes declarations. */
class ConfigTypes {
  readonly #typeNames: ReadonlyMap<Schema, string>;
  readonly #definitions: Schema;
  readonly #keys: ReadonlySet<string>;

  /** `typeNames`: parts of the schema that are types of their own. `keys`: those with hyphens, which texts speak of. */
  constructor(typeNames: ReadonlyMap<Schema, string>, definitions: Schema, keys: ReadonlySet<string>) {
    this.#typeNames = typeNames;
    this.#definitions = definitions;
    this.#keys = keys;
  }

  declare(head: string, description: string, schema: Schema): string {
    return `${this.comment(description, "")}export interface ${head} {\n${this.#members(schema, "  ")}}\n`;
  }

  comment(description: string, indent: string): string {
    const text = this.#sentence(description);
    const whole = `${indent}/** ${text} */\n`;
    if (whole.length <= WIDTH + 1) return whole;
    const lines = [""];
    for (const word of text.split(" ")) {
      const line = lines.at(-1) ?? "";
      if (line !== "" && `${indent} * ${line} ${word}`.length > WIDTH) lines.push(word);
      else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    }
    return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
  }

  // --- internal ---

  #members(schema: Schema, indent: string): string {
    const required = new Set(schema["required"] as readonly string[] | undefined);
    return Object.entries(propertiesOf(schema))
      .map(([key, property]) => {
        const description = describe(property) || describe(this.#referred(property));
        const comment = description === "" ? "" : this.comment(`${description}${range(property)}`, indent);
        const name = `${indent}readonly ${camelCase(key)}${required.has(key) ? "" : "?"}:`;
        return `${comment}${name}${this.#union(this.#parts(property, indent), name.length, indent)};\n`;
      })
      .join("");
  }

  /** In one line where that fits, else one a line. */
  #union(parts: readonly string[], used: number, indent: string): string {
    const line = ` ${parts.join(" | ")}`;
    if (line.includes("\n") || used + line.length < WIDTH) return line;
    return parts.map((part) => `\n${indent}  | ${part}`).join("");
  }

  /** Of a union, `null` last. */
  #parts(schema: Schema, indent: string): readonly string[] {
    const parts = [...new Set(this.#allParts(schema, indent))];
    return [...parts.filter((part) => part !== "null"), ...parts.filter((part) => part === "null")];
  }

  #allParts(schema: Schema, indent: string): readonly string[] {
    const { $ref, anyOf, enum: words, const: word, type, required } = schema;
    if ($ref !== undefined) return this.#reference(schema, required as readonly string[] | undefined);
    if (Array.isArray(anyOf)) return anyOf.flatMap((one: Schema) => this.#allParts(one, indent));
    if (Array.isArray(words)) return words.map((one) => JSON.stringify(one));
    if (word !== undefined) return [JSON.stringify(word)];
    const types = Array.isArray(type) ? type : [type];
    return types.flatMap((one) => this.#plain(String(one), schema, indent));
  }

  #referred({ $ref }: Schema): Schema {
    return typeof $ref === "string" ? child(this.#definitions, $ref.replace("#/$defs/", "")) : {};
  }

  #reference(schema: Schema, required: readonly string[] = []): readonly string[] {
    const referred = this.#referred(schema);
    const name = this.#typeNames.get(referred) ?? "unknown";
    const keys = required.map((one) => JSON.stringify(camelCase(one))).join(" | ");
    const type = keys === "" ? name : `(${name} & Required<Pick<${name}, ${keys}>>)`;
    return isNullable(referred) ? [type, "null"] : [type];
  }

  #plain(type: string, schema: Schema, indent: string): readonly string[] {
    if (type === "integer") return ["number"];
    if (type === "string") return TEXT_TYPES.get(schema["pattern"]) ?? ["string"];
    if (type === "array") {
      const parts = this.#parts(child(schema, "items"), indent);
      return [`readonly ${parts.length === 1 ? parts.join("") : `(${parts.join(" | ")})`}[]`];
    }
    if (type !== "object") return [type];
    const name = this.#typeNames.get(schema);
    if (name !== undefined) return [name];
    if ("properties" in schema) return [`{\n${this.#members(schema, `${indent}  `)}${indent}}`];
    const values = this.#parts(child(schema, "additionalProperties"), indent).join(" | ");
    return [`{ readonly [name: string]: ${values.replace(/^\((.*)\)$/, "$1")} }`];
  }

  /** With the names of keys as they are here. */
  #sentence(description: string): string {
    const text = description
      .replace(ELSEWHERE, HERE)
      .replaceAll(/(?<![\w-])[a-z]+(?:-[a-z\d]+)+(?![\w-])/g, (word) =>
        this.#keys.has(word) ? camelCase(word) : word,
      );
    // A word that it begins with may be a value.
    const first = /^(?:null|none|manage|http) /.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase();
    return `${first}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
  }
}

function describe({ description }: Schema): string {
  return typeof description === "string" ? description : "";
}

/** The bounds of a whole number, where its description does not tell them. */
function range(schema: Schema): string {
  const { minimum, maximum } = schema;
  if (minimum === undefined || maximum === undefined || describe(schema).includes(`${minimum} to ${maximum}`))
    return "";
  return `; from ${minimum} to ${maximum}`;
}

function isNullable({ type, anyOf }: Schema): boolean {
  if (Array.isArray(anyOf)) return anyOf.some(isNullable);
  return type === "null" || (Array.isArray(type) && type.includes("null"));
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return child(schema, "properties") as Readonly<Record<string, Schema>>;
}

function child(schema: Schema, key: string): Schema {
  const value = schema[key];
  if (typeof value !== "object" || value === null) throw new Error(`the schema has no ${key}`);
  return value as Schema;
}
