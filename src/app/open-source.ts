import { acknowledgementOf, dialTcpSocket, watchSilence } from "#native";
import type { AskedSource } from "../config/discover-options.ts";
import { DnsSource } from "../discovery/dns/dns-source.ts";
import { NameServers } from "../discovery/dns/resolver.ts";
import { openKubernetes } from "../discovery/kubernetes/open.ts";
import type { Source } from "../discovery/source.ts";
import type { Family } from "../domain/endpoint.ts";
import type { Clock } from "../probe/clock.ts";

/** A list of members that is to be asked for, of a DNS or of the API of a cluster. */
export function openSource(options: AskedSource, family: Family, clock: Clock): Source {
  const shared = { clock, random: Math.random, family };
  return options.type === "dns"
    ? new DnsSource(options, { ...shared, resolver: new NameServers(options.servers) })
    : openKubernetes(options, { ...shared, ...SOCKETS, environment: process.env });
}

// --- internal ---

const SOCKETS = { openTcpSocket: dialTcpSocket, watchSilence, acknowledgementOf };
