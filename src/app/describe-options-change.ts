import type { VirtualServerOptions } from "../config/care-options.ts";
import { describeChecksChange } from "../config/describe-checks-change.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { listFirst } from "../domain/name.ts";
import { configurationChange, describeConfigurationChange } from "../domain/virtual-server-configuration.ts";

/** What other options of a running virtual server change, in one line; empty when they change nothing. */
export function describeOptionsChange(before: VirtualServerOptions, after: VirtualServerOptions): string {
  const change = configurationChange(before, after);
  const probe = describeChecksChange(before, after, listedInBoth(before, after));
  return [
    ...(change === undefined ? [] : [describeConfigurationChange(change)]),
    ...(probe.length === 0 ? [] : [`probe (${probe.join(", ")})`]),
    ...changedKeys("reach", before.reach, after.reach),
    ...changedKeys("discover", before.discover ?? {}, after.discover ?? {}),
    ...(before.checkWay === after.checkWay ? [] : [`check-way ${after.checkWay}`]),
    ...(before.suspicion === after.suspicion ? [] : [`suspicion ${after.suspicion}`]),
    ...(before.name === after.name ? [] : [`name ${before.name ?? "(none)"} → ${after.name ?? "(none)"}`]),
    ...namesChange(before, after),
  ].join(", ");
}

/** Formatted endpoints. */
export function listedInBoth(
  before: Pick<VirtualServerOptions, "realServers">,
  after: Pick<VirtualServerOptions, "realServers">,
): readonly string[] {
  const known = new Set(before.realServers.map(({ endpoint }) => formatEndpoint(endpoint)));
  return after.realServers.map(({ endpoint }) => formatEndpoint(endpoint)).filter((server) => known.has(server));
}

// --- internal ---

/** Of those that are listed before and after: who comes or goes has its name with it. */
function namesChange(before: VirtualServerOptions, after: VirtualServerOptions): string[] {
  const renamed = listedInBoth(before, after).filter(
    (server) => before.realServerNames.get(server) !== after.realServerNames.get(server),
  );
  if (renamed.length === 0) return [];
  const names = renamed.map((server) => `${server} ${after.realServerNames.get(server) ?? "(none)"}`);
  return [`names of real servers (${listFirst(names)})`];
}

function changedKeys<T extends object>(what: string, before: T, after: T): string[] {
  const [was, is] = [before, after].map((one) => new Map<string, unknown>(Object.entries(one)));
  // What is left out differs from what is there, too.
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const keys = [...names].filter((key) => !Bun.deepEquals(was?.get(key), is?.get(key)));
  return keys.length === 0 ? [] : [`${what} (${keys.map(asWords).join(", ")})`];
}

/** `connect-timeout` of `connectTimeoutMs`, as options are written. */
function asWords(key: string): string {
  return key.replace(/Ms$/, "").replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
