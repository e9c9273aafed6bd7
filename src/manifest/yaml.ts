/** What a manifest is made of. */
export type YamlValue = string | number | boolean | null | readonly YamlValue[] | { readonly [key: string]: YamlValue };

/**
 * YAML as Kubernetes' own tools write it (sigs.k8s.io/yaml): two blanks a level, lists not indented below their key,
 * quotes only where a reader would take the text for something else. Keys come in the order given.
 */
export function renderYaml(value: { readonly [key: string]: YamlValue }): string {
  return mapLines(value)
    .map((line) => `${line}\n`)
    .join("");
}

// --- internal ---

function mapLines(map: { readonly [key: string]: YamlValue }): string[] {
  return Object.entries(map).flatMap(([key, value]) => {
    const name = scalar(key);
    if (Array.isArray(value) && value.length > 0) return [`${name}:`, ...listLines(value as readonly YamlValue[])];
    if (isMap(value) && Object.keys(value).length > 0)
      return [`${name}:`, ...mapLines(value).map((line) => `  ${line}`)];
    return [`${name}: ${leaf(value)}`];
  });
}

function listLines(list: readonly YamlValue[]): string[] {
  return list.flatMap((item) => {
    const lines = isMap(item) && Object.keys(item).length > 0 ? mapLines(item) : [leaf(item)];
    return lines.map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`));
  });
}

function isMap(value: YamlValue): value is { readonly [key: string]: YamlValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function leaf(value: YamlValue): string {
  if (typeof value === "string") return scalar(value);
  if (Array.isArray(value)) return "[]";
  return isMap(value) ? "{}" : String(value);
}

function scalar(text: string): string {
  if (/[\p{Cc}\u2028\u2029\uFEFF]/u.test(text)) return JSON.stringify(text);
  if (text === "" || isOtherType(text)) return `"${text}"`;
  return isPlain(text) ? text : `'${text.replaceAll("'", "''")}'`;
}

/** What YAML 1.1 reads as a number, a boolean, nothing or a time. */
function isOtherType(text: string): boolean {
  return (
    /^(?:y|n|yes|no|on|off|true|false|null|~|\.nan|[-+]?\.inf)$/i.test(text) ||
    /^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[\da-f_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:e[-+]?\d+)?|\d[\d_]*\.?)$/i.test(text) ||
    /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/.test(text) ||
    /^\d{4}-\d{1,2}-\d{1,2}/.test(text)
  );
}

function isPlain(text: string): boolean {
  if (/^[\s!&*{}[\],#|>@`"'%]/.test(text) || /\s$/.test(text)) return false;
  if (/^[-?:](?:\s|$)/.test(text) || text === "---" || text === "...") return false;
  return !/:(?:\s|$)|\s#/.test(text);
}
