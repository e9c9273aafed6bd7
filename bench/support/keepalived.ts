/** A virtual server that keepalived is to check. */
export interface KeptVirtualServer {
  readonly address: string;
  readonly realServers: readonly string[];
  readonly scheduler?: string;
  readonly weight?: number;
  /** Of its real servers, as the configuration has it; over HTTP where nothing is said. */
  readonly checker?: string;
}

/**
 * A configuration that checks over HTTP, and believes the first failure, as ours does by default. `delayS`: from one check to the next; undefined for
 * what it is by itself.
 */
export function keepalivedConfiguration(all: readonly KeptVirtualServer[], delayS: number | undefined): string {
  return `global_defs {
  router_id bench
}
${all.map((one) => virtualServer(one, delayS)).join("")}`;
}

export function keepalivedCommand(configuration: string): string[] {
  return [
    "keepalived",
    "--dont-fork",
    "--check",
    `--use-file=${configuration}`,
    "--pid=/tmp/keepalived.pid",
    "--checkers_pid=/tmp/keepalived-check.pid",
  ];
}

// --- internal ---

const HTTP_GET = "HTTP_GET { url { path / status_code 200 } connect_timeout 1 retry 0 }";

function virtualServer(
  { address, realServers, scheduler = "rr", weight = 1, checker = HTTP_GET }: KeptVirtualServer,
  delayS: number | undefined,
): string {
  const servers = realServers.map(
    (server) => `  real_server ${split(server)} {
    weight ${weight}
    ${inLines(checker)}
  }`,
  );
  return `virtual_server ${split(address)} {
${delayS === undefined ? "" : `  delay_loop ${delayS}\n`}  lb_algo ${scheduler}
  lb_kind NAT
  protocol TCP
${servers.join("\n")}
}
`;
}

/** keepalived reads one setting of a line, and leaves out what follows it there without a word. */
function inLines(checker: string): string {
  return checker.replaceAll(
    /\{ |(?:"[^"]*"|[^\s{}]+) (?:"[^"]*"|[^\s{}]+) (?=\S)|\} (?=\S)/g,
    (part) => `${part.trimEnd()}\n`,
  );
}

function split(address: string): string {
  return address.replace(/:(\d+)$/, " $1");
}
