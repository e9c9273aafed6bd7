// @ts-check

/** @typedef {import("../../domain/status.ts").VirtualServerStatus} VirtualServerStatus */

/**
 * The status that becomes of another one by a change: merge patches (RFC 7396), of each real server apart.
 *
 * @param {VirtualServerStatus} status
 * @param {{ status: object, realServers: Record<string, object> }} change
 * @returns {VirtualServerStatus}
 */
export function changed(status, change) {
  const { realServers, ...others } = status;
  const patches = new Map(Object.entries(change.realServers));
  return {
    ...merge(others, change.status),
    realServers: realServers.map((server) => {
      const patch = patches.get(server.address);
      return patch === undefined ? server : merge(server, patch);
    }),
  };
}

/**
 * A merge patch alone.
 *
 * @template T
 * @param {T} target
 * @param {object} patch
 * @returns {T}
 */
export function merge(target, patch) {
  const merged = new Map(isPlain(target) ? Object.entries(/** @type {object} */ (target)) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, isPlain(value) ? merge(merged.get(key), value) : value);
  }
  // Null as the prototype: no key of others' means more than a key.
  return Object.assign(Object.create(null), Object.fromEntries(merged));
}

// --- internal ---

/** @param {unknown} value */
function isPlain(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
