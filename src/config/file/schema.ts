import { LARGEST_WEIGHT } from "../../domain/virtual-server.ts";
import { CARE_OPTION_ROWS } from "../care-option-rows.ts";
import { MOST_MEMBERS } from "../combination.ts";
import type { FileKey, OptionRow } from "../option-row.ts";
import { DISCOVER_TYPES } from "../discover-options.ts";
import { DISCOVER_ROWS } from "../discover-rows.ts";
import { fileKeyOf } from "../probe-kinds/probe-kind.ts";
import { fileKeysOf, PROBE_KINDS } from "../probe-kinds/probe-kinds.ts";
import { PACE_KEYS } from "./file-keys.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** Of texts that are more than text. */
export const PATTERNS = {
  endpoint: "^(?:[0-9.]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$",
  name: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$",
  time: "^(?:[0-9]+(?:\\.[0-9]+)?|(?:(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$",
  percentage: "^(?:[0-9]|[1-9][0-9]|100)%?$",
  statuses: "^[1-9][0-9]{2}(?:-[1-9][0-9]{2})?$",
  sha256: "^[0-9A-Fa-f]{64}$",
} as const;

/** The JSON Schema (draft 2020-12) of configuration files, for editors to complete and check them by. */
export function configSchema(): Schema {
  const virtualServer = propertiesAt("virtual-server");
  const pace = Object.fromEntries(
    [...PACE_KEYS.keys()].map((key) => {
      const description = `${key} of this probe (default: that of the virtual server)`;
      return [key, { ...(virtualServer[key] as Schema), description }];
    }),
  );
  const shared = {
    ...virtualServer,
    persistence: { $ref: "#/$defs/persistence" },
    discover: { $ref: "#/$defs/discover" },
    probe: {
      description: "how real servers are checked: a probe, or the name of one under probes",
      anyOf: [{ $ref: "#/$defs/probe" }, { type: "string" }, { type: "null" }],
    },
    probes: {
      description: "several probes that decide together, instead of one",
      anyOf: [{ $ref: "#/$defs/combination" }, { type: "null" }],
    },
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of LVScare",
    description:
      "What `lvscare care --config` reads, as YAML or JSON. null stands for the built-in value of an option. Files that are included have probes and virtual-servers alone.",
    type: "object",
    properties: {
      version: { description: "the version of this format", const: 1 },
      include: {
        description: "further files, with their virtual servers and probes: paths and patterns relative to this file",
        type: ["array", "null"],
        items: { type: "string", minLength: 1 },
      },
      ...propertiesAt("process"),
      defaults: {
        description: "options of each virtual server that says nothing else",
        type: ["object", "null"],
        properties: shared,
        additionalProperties: false,
      },
      probes: {
        description: "probes by name, for several virtual servers to use",
        type: ["object", "null"],
        additionalProperties: { ...PROBE, required: ["type"] },
      },
      "virtual-servers": {
        description: "what clients connect to, and who serves them",
        type: "array",
        minItems: 1,
        maxItems: 10_000,
        items: {
          type: "object",
          properties: {
            name: { ...NAME, description: "a label for people: changing it changes nothing else" },
            address: { ...ENDPOINT, description: "the address that clients connect to" },
            ...shared,
            "real-servers": {
              description: "who serves; may be absent beside discover",
              type: "array",
              minItems: 1,
              items: { anyOf: [ENDPOINT, { $ref: "#/$defs/real-server" }] },
            },
          },
          required: ["address"],
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
    $defs: {
      time: {
        description: "seconds, or a duration such as 500ms, 5s or 1m30s",
        anyOf: [{ type: "number", minimum: 0 }, { type: "string", pattern: PATTERNS.time }, { type: "null" }],
      },
      "real-server": {
        type: "object",
        properties: {
          address: { ...ENDPOINT, description: "where it serves" },
          name: { ...NAME, description: "a label for people" },
          weight: {
            ...(virtualServer["weight"] as Schema),
            description: `its weight, from 1 to ${LARGEST_WEIGHT} (default: that of the virtual server)`,
          },
          drained: { description: "takes no new connections", type: ["boolean", "null"] },
          probe: {
            description: "how it is checked, instead of as the others are: a probe, or the name of one under probes",
            anyOf: [{ ...PROBE, required: ["type"] }, { type: "string" }, { type: "null" }],
          },
          probes: { ...shared.probes, description: "several probes that decide together about it" },
        },
        required: ["address"],
        additionalProperties: false,
      },
      persistence: {
        description: "clients stay with the real server that they had",
        type: ["object", "null"],
        properties: {
          timeout: { $ref: "#/$defs/time", description: "for how long after its last connection" },
          prefix: {
            description: "IPv4 clients whose addresses begin with as many equal bits count as one",
            ...prefix(32),
          },
          "prefix-ipv6": { description: "the same of IPv6 clients", ...prefix(128) },
        },
        additionalProperties: false,
      },
      combination: {
        type: "object",
        properties: {
          all: { description: "probes all of which have to pass", ...MEMBERS },
          any: { description: "probes one of which has to pass", ...MEMBERS },
          "at-least": {
            description: "how many of those under of have to pass",
            type: "integer",
            minimum: 1,
            maximum: MOST_MEMBERS,
          },
          of: { description: "probes as many of which have to pass as at-least says", ...MEMBERS },
        },
        additionalProperties: false,
        oneOf: [{ required: ["all"] }, { required: ["any"] }, { required: ["at-least", "of"] }],
      },
      discover: {
        description: "who finds the real servers, beside those that are listed",
        type: ["object", "null"],
        properties: {
          type: {
            description:
              "where they are read from: file, which another program writes; kubernetes, the endpoints of a service; or dns, what a name stands for",
            enum: [...DISCOVER_TYPES],
          },
          ...propertiesOf(DISCOVER_ROWS.map((row) => [row.inFile?.key, row] as const)),
        },
        additionalProperties: false,
      },
      probe: {
        type: "object",
        properties: {
          type: {
            description: `what is asked: ${PROBE_KINDS.map(({ help }) => help).join("; ")}`,
            enum: PROBE_KINDS.map(({ type }) => type),
          },
          name: { ...NAME, description: "what it is called where several decide together (default: its type)" },
          ...pace,
          host: { description: "the name of the host that is asked for", type: ["string", "null"] },
          ...propertiesOf(
            PROBE_KINDS.flatMap(({ rows, flatGroup }) => rows.map((row) => [fileKeyOf(row, flatGroup), row] as const)),
          ),
        },
        additionalProperties: false,
        allOf: PROBE_KINDS.map((kind) => keysOfKind(kind.type, fileKeysOf(kind))),
      },
    },
  };
}

// --- internal ---

const ENDPOINT: Schema = { type: "string", pattern: PATTERNS.endpoint };
const NAME: Schema = { type: "string", pattern: PATTERNS.name };

const PROBE: Schema = { $ref: "#/$defs/probe", type: "object" };

const MEMBERS: Schema = {
  type: "array",
  minItems: 1,
  maxItems: MOST_MEMBERS,
  items: { anyOf: [{ ...PROBE, required: ["type"] }, { type: "string" }] },
};

const STATUS: Schema = {
  anyOf: [
    { type: "integer", minimum: 100, maximum: 999 },
    { type: "string", pattern: PATTERNS.statuses },
  ],
};

const BODY_PARTS: Schema = {
  contains: { description: "text that is in it", type: "string", minLength: 1 },
  regex: { description: "a regular expression that fits a part of it", type: "string", minLength: 1 },
};

function prefix(most: number): Schema {
  return { type: ["integer", "null"], minimum: 1, maximum: most };
}

/** By name; those with a dot in their names below another key. */
function propertiesAt(place: FileKey["place"]): Schema {
  const rows = (CARE_OPTION_ROWS as readonly OptionRow[]).filter(({ inFile }) => inFile?.place === place);
  return propertiesOf(rows.map((row) => [row.inFile?.key ?? row.flag, row] as const));
}

function propertiesOf(rows: readonly (readonly [key: string | undefined, row: OptionRow])[]): Schema {
  const properties = new Map<string, Schema>();
  for (const [key, row] of rows) {
    if (key === undefined || row.inFile === undefined) continue;
    const [name = "", below] = key.split(".");
    const schema = { description: describe(row, row.inFile), ...valueSchema(row, row.inFile) };
    const beside = properties.get(name)?.["properties"] as Schema | undefined;
    properties.set(
      name,
      below === undefined
        ? schema
        : { type: ["object", "null"], properties: { ...beside, [below]: schema }, additionalProperties: false },
    );
  }
  return Object.fromEntries(properties);
}

/** That a probe of this type has these keys alone. */
function keysOfKind(type: string, keys: readonly string[]): Schema {
  const groups = Map.groupBy(
    keys.filter((key) => key.includes(".")).map((key) => key.split(".")),
    ([name = ""]) => name,
  );
  const names = [...new Set(keys.map((key) => key.split(".")[0]))];
  return {
    if: { properties: { type: { const: type } }, required: ["type"] },
    // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
    then: {
      type: "object",
      propertyNames: { enum: ["type", "name", ...PACE_KEYS.keys(), ...names] },
      properties: Object.fromEntries(
        [...groups].map(([name, all]) => [
          name,
          { type: ["object", "null"], propertyNames: { enum: all.map(([, below]) => below) } },
        ]),
      ),
    },
  };
}

/** The flag's help, which speaks of other flags by their dashes. */
function describe(row: OptionRow, { help }: FileKey): string {
  const text = (help ?? row.help).replaceAll(/--(?=[a-z])/g, "");
  return row.default === undefined || row.default === "" || row.inFile?.type === "verify"
    ? text
    : `${text} (default ${row.default})`;
}

function valueSchema(row: OptionRow, { type, bounds, choices = row.choices ?? [] }: FileKey): Schema {
  const [least, most] = bounds ?? [];
  switch (type) {
    case "time":
      return { $ref: "#/$defs/time" };
    case "whole-number":
      return { type: ["integer", "null"], minimum: least, maximum: most };
    case "share":
      return {
        anyOf: [
          { type: "integer", minimum: least, maximum: most },
          { type: "string", pattern: PATTERNS.percentage },
          { type: "null" },
        ],
      };
    case "boolean":
      return { type: ["boolean", "null"] };
    case "choice":
      return { enum: [...choices, null] };
    case "verify":
      return { enum: ["none", "ca", "full", null] };
    case "words":
      return {
        anyOf: [{ type: "string" }, { type: "array", minItems: 1, items: { type: "string" } }, { type: "null" }],
      };
    case "listen":
      return { anyOf: [{ type: "integer", minimum: 1, maximum: 65_535 }, { type: "string" }, { type: "null" }] };
    case "port":
      return { anyOf: [{ type: "integer", minimum: 1, maximum: 65_535 }, { type: "string" }, { type: "null" }] };
    case "headers":
      return {
        type: ["object", "null"],
        additionalProperties: {
          anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }, { type: "null" }],
        },
      };
    case "codes":
    case "statuses":
      return {
        anyOf: [STATUS, { type: "array", minItems: 1, items: STATUS }, { type: "null" }],
      };
    case "texts":
      return { type: ["object", "null"], additionalProperties: { type: "string" } };
    case "arguments":
      return { type: ["array", "null"], minItems: 1, items: { type: "string" } };
    case "patterns":
      return { type: ["object", "null"], minProperties: 1, additionalProperties: { type: "string", minLength: 1 } };
    case "body":
      return {
        type: ["object", "null"],
        minProperties: 1,
        properties: {
          ...BODY_PARTS,
          sha256: { description: "of the whole body, in hexadecimal", type: "string", pattern: PATTERNS.sha256 },
          not: { type: "object", minProperties: 1, properties: BODY_PARTS, additionalProperties: false },
        },
        additionalProperties: false,
      };
    default:
      return { type: ["string", "null"] };
  }
}
