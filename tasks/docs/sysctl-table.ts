import { sysctlRows } from "../../src/reach/sysctls.ts";

/** The kernel settings that modes want, from the table that sets them. */
export function sysctlTable(): string {
  const found = new Map<string, { readonly why: string; readonly cases: Case[] }>();
  for (const one of CASES)
    for (const { name, wanted, why } of sysctlRows({ ...one, ipv6RoutesFile: "/dev/null" })) {
      const setting = `net.${name.slice("net/".length).replaceAll("/", ".")}=${wanted}`;
      const { cases } = found.get(setting) ?? { cases: [] };
      found.set(setting, { why, cases: [...cases, one] });
    }
  const rows = [...found].map(([setting, { why, cases }]) => `| \`${setting}\` | ${whenOf(cases)} | ${why} |`);
  return ["| setting | when | so that |", "|---|---|---|", ...rows].join("\n");
}

// --- internal ---

interface Case {
  readonly mode: "route" | "link" | "none";
  readonly family: "ipv4" | "ipv6";
  readonly strictArp: boolean;
  readonly kernelRelease: string;
}

const CASES: readonly Case[] = (["route", "none", "link"] as const).flatMap((mode) =>
  (["ipv4", "ipv6"] as const).flatMap((family) =>
    [false, true].flatMap((strictArp) =>
      ["5.8.0", "5.9.0"].map((kernelRelease): Case => ({ mode, family, strictArp, kernelRelease })),
    ),
  ),
);

/** What those cases have in common that not all have. */
function whenOf(cases: readonly Case[]): string {
  const modes = new Set(cases.map(({ mode }) => mode));
  const only = <Key extends keyof Case>(key: Key, value: Case[Key]): boolean =>
    cases.every((one) => one[key] === value);
  const parts = [
    modes.size === 3 ? "" : `mode ${[...modes].join(", ")}`,
    only("family", "ipv4") && !only("strictArp", true) ? "IPv4" : "",
    only("family", "ipv6") ? "IPv6" : "",
    only("strictArp", true) ? "`--strict-arp`" : "",
    only("kernelRelease", "5.9.0") ? "from Linux 5.9 on" : "",
    only("kernelRelease", "5.8.0") ? "before Linux 5.9" : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "always" : parts.join(", ");
}
