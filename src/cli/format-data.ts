/** Plain data for programs, ending with a newline. */
export function formatData(data: object, format: "json" | "yaml"): string {
  const text = format === "json" ? JSON.stringify(data, undefined, 2) : Bun.YAML.stringify(data, undefined, 2);
  return `${text.trimEnd()}\n`;
}
