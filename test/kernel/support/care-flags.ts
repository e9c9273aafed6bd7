import type { IpvsTable } from "./ipvs-table.ts";

/** Where the tests have their virtual server, and its real servers unless a test says otherwise. */
export const VS = "10.96.0.1:80";
export const SERVERS = ["127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"] as const;

/** Plain HTTP checks every second of these real servers; no connections but those that a test makes. */
export function careFlags(realServers: readonly string[] = SERVERS, vs = VS): string[] {
  const checks = "--interval 1 --health-schem http --health-path / --mode none --check-way=false --logger DEBG";
  return ["--vs", vs, "--rs", realServers.join(","), ...checks.split(" ")];
}

/** The table in which each of these real servers has weight 1. */
export function tableWith(realServers: readonly string[] = SERVERS, vs = VS): IpvsTable {
  return { [`TCP ${vs} rr`]: Object.fromEntries(realServers.map((server) => [server, 1])) };
}
