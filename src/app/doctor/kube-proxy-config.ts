/** The part of a kube-proxy's configuration that concerns IPVS. */
export interface KubeProxyConfig {
  /** `ipvs`, `iptables`, `nftables`; empty when it was left to kube-proxy. */
  readonly mode: string;
  /** Networks whose virtual servers it leaves alone. */
  readonly excludeCidrs: readonly string[];
}

/** The file that its command line names; undefined when it names none. */
export function configPath(argv: readonly string[]): string | undefined {
  return flagValues(argv, "config").at(-1);
}

/** From its flags. With a configuration file, flags that the file also sets do not count. */
export function configOfFlags(argv: readonly string[]): KubeProxyConfig {
  return {
    mode: flagValues(argv, "proxy-mode").at(-1) ?? "",
    excludeCidrs: flagValues(argv, "ipvs-exclude-cidrs").flatMap((text) => text.split(",")),
  };
}

/** From its configuration file, YAML or JSON (KubeProxyConfiguration). Throws when it is neither. */
export function configOfFile(text: string): KubeProxyConfig {
  const document: unknown = Bun.YAML.parse(text);
  const whole = isRecord(document) ? document : {};
  const ipvs = isRecord(whole["ipvs"]) ? whole["ipvs"] : {};
  const cidrs: unknown = ipvs["excludeCIDRs"];
  return {
    mode: typeof whole["mode"] === "string" ? whole["mode"] : "",
    excludeCidrs: Array.isArray(cidrs) ? cidrs.map(String) : [],
  };
}

/** `--flag value`, `--flag=value` and, as Go has it, the same with one dash. */
export function flagValues(argv: readonly string[], flag: string): string[] {
  return argv.flatMap((word, at) => {
    const [name = "", ...value] = word.split("=");
    if (name !== `-${flag}` && name !== `--${flag}`) return [];
    return [value.length > 0 ? value.join("=") : (argv[at + 1] ?? "")];
  });
}

// --- internal ---

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
