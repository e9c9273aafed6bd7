/** A configuration that checks over HTTP, once a second where nothing else is said, and believes the first failure, as ours does by default. */
export function keepalivedConfiguration(vs: string, servers: readonly string[], delayS = 1): string {
  const split = (address: string): string => address.replace(/:(\d+)$/, " $1");
  const realServers = servers.map(
    (server) => `  real_server ${split(server)} {
    weight 1
    HTTP_GET {
      url {
        path /
        status_code 200
      }
      connect_timeout 1
      retry 0
    }
  }`,
  );
  return `global_defs {
  router_id bench
}
virtual_server ${split(vs)} {
  delay_loop ${delayS}
  lb_algo rr
  lb_kind NAT
  protocol TCP
${realServers.join("\n")}
}
`;
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
