/** Virtual servers of a configuration file, as ours and as keepalived reads it. */
export interface ConfigShape {
  readonly virtualServers: number;
  /** Of each. */
  readonly realServers: number;
  readonly intervalS: number;
  /** In three of them: the real servers' weight in two, the scheduler of the other. */
  readonly isChanged?: boolean;
}

/** One virtual server of such a file. */
export interface ShapedVirtualServer {
  readonly address: string;
  readonly realServers: readonly string[];
  readonly scheduler: "rr" | "wrr";
  readonly weight: number;
}

/** What they say; `farm` are the addresses of as many real servers as there are in all. */
export function shapedVirtualServers(shape: ConfigShape, farm: readonly string[]): readonly ShapedVirtualServer[] {
  const { virtualServers, realServers, isChanged = false } = shape;
  const [first, second, third] = [0.1, 0.5, 0.9].map((share) => Math.floor(share * virtualServers));
  return Array.from({ length: virtualServers }, (_, index) => ({
    address: `10.64.${Math.floor(index / 250)}.${1 + (index % 250)}:80`,
    realServers: farm.slice(index * realServers, (index + 1) * realServers),
    scheduler: isChanged && index === second ? "wrr" : "rr",
    weight: isChanged && (index === first || index === third) ? 2 : 1,
  }));
}

/** In route mode, by `gateway`: what most nodes have. */
export function configurationText(all: readonly ShapedVirtualServer[], intervalS: number, gateway: string): string {
  const entries = all.map(
    ({ address, realServers, scheduler, weight }, index) =>
      `- name: s${index}\n  address: ${address}\n  scheduler: ${scheduler}\n  weight: ${weight}\n  real-servers: [${realServers.join(", ")}]\n`,
  );
  return (
    `version: 1\ndefaults:\n  interval: ${intervalS}s\n  mode: route\n  ip: ${gateway}\n  probe: {type: http, scheme: http, path: /}\n` +
    `virtual-servers:\n${entries.join("")}`
  );
}
