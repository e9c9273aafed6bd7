/**
 * How much a client wants something, from 0 to 1, by its `Accept` or `Accept-Encoding` (RFC 9110, 12.4.2): what is
 * named counts, not what a wildcard lets pass. 0 for what it does not name. `parameters` must be as given where the
 * client names them at all.
 */
export function wishFor(
  field: string | null,
  wanted: string,
  parameters: ReadonlyMap<string, string> = new Map(),
): number {
  const wishes = (field ?? "").split(",").map((part) => {
    const [name = "", ...rest] = part.split(";").map((text) => text.trim().toLowerCase());
    const given = new Map(rest.map((text) => [text.split("=")[0]?.trim() ?? "", text.split("=")[1]?.trim() ?? ""]));
    if (name !== wanted || [...parameters].some(([key, value]) => (given.get(key) ?? value) !== value)) return 0;
    const wish = Number(given.get("q") ?? 1);
    return wish >= 0 && wish <= 1 ? wish : 0;
  });
  return Math.max(...wishes);
}
