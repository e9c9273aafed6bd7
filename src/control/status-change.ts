import type { VirtualServerStatus } from "../domain/status.ts";

/** Anything with real servers that have addresses. */
export interface WithRealServers {
  readonly realServers: readonly { readonly address: string }[];
}

/**
 * What differs between two reports of the same virtual server: merge patches (RFC 7396), in which null takes a key away.
 * Of each real server apart, by its address.
 */
export interface StatusChange {
  readonly status: Patch;
  readonly realServers: Readonly<Record<string, Patch>>;
}

/** RFC 7396. */
export type Patch = Readonly<Record<string, unknown>>;

/** Undefined where other real servers are listed, or in another order: then only the whole tells. */
export function changeOf(before: WithRealServers, after: WithRealServers): StatusChange | undefined {
  const { realServers: was, ...old } = before;
  const { realServers: are, ...now } = after;
  if (was.length !== are.length || was.some(({ address }, at) => address !== are[at]?.address)) return undefined;
  const changes = are.flatMap((server, at): [string, Patch][] => {
    const patch = patchOf(was[at] ?? {}, server);
    return Object.keys(patch).length === 0 ? [] : [[server.address, patch]];
  });
  return { status: patchOf(old, now), realServers: Object.fromEntries(changes) };
}

/** What differs, in which lists are replaced as a whole. */
export function patchOf(before: object, after: object): Patch {
  const old = new Map<string, unknown>(Object.entries(before));
  const now = new Map<string, unknown>(Object.entries(after));
  const patch = new Map<string, unknown>();
  for (const [key, value] of now) {
    const was = old.get(key);
    if (value === undefined || Bun.deepEquals(was, value)) continue;
    patch.set(key, isPlain(was) && isPlain(value) ? patchOf(was, value) : value);
  }
  for (const [key, was] of old) if (was !== undefined && now.get(key) === undefined) patch.set(key, null);
  return Object.fromEntries(patch);
}

/** What changes with every check and is looked at seldom is for those who ask for the status itself. */
export function withoutTimings(status: VirtualServerStatus): VirtualServerStatus {
  return {
    ...status,
    realServers: status.realServers.map((server) => {
      if (server.lastVerdict?.timings === undefined) return server;
      const { timings: _, ...lastVerdict } = server.lastVerdict;
      return { ...server, lastVerdict };
    }),
  };
}

// --- internal ---

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
