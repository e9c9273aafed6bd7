// @ts-check

/** @typedef {import("../../domain/status.ts").RealServerStatus} RealServerStatus */

/**
 * How a real server stands, for the eye: the shape and colour of its state, the words for it, why, and how far up it
 * belongs.
 *
 * @typedef {{ state: string, word: string, why: string, rank: number, isTroubled: boolean }} Standing
 */

/**
 * @param {RealServerStatus} server
 * @returns {Standing}
 */
export function standingOf(server) {
  const { state, outOfService, isUnanswered, lastVerdict, unchecked, hold } = server;
  const known = RANKS.indexOf(state) >= 0 ? state : "unlisted";
  const why = outOfService?.why;
  const isOnPurpose = why === "drained" || ON_PURPOSE.includes(state) || why === "set-aside";
  const isTroubled = !isOnPurpose && (state !== "healthy" || why !== undefined);
  const reasons = [
    ...(isUnanswered === true ? ["its clients get no answer"] : []),
    ...(outOfService?.why === "drained" ? [`drained by ${outOfService.by}`] : []),
    ...(hold?.weight === undefined ? [] : [`weight ${hold.weight} by ${hold.by ?? "an operator"}`]),
    ...(why === "set-aside" ? ["its check asks for no clients"] : []),
    ...(why === "unwritten" ? ["not in the table yet"] : []),
    ...(why === "shutting-down" ? ["says that it is shutting down"] : []),
    ...(unchecked === undefined ? [] : [`cannot be checked: ${unchecked.reason.slice(0, LONGEST_REASON)}`]),
    ...(lastVerdict?.passed === false ? [lastVerdict.reason.slice(0, LONGEST_REASON)] : []),
  ];
  return {
    state: known,
    word: state,
    why: reasons.join("; "),
    rank: isTroubled && state === "healthy" ? 1 : RANKS.indexOf(known),
    isTroubled,
  };
}

/** Failures first, then what is on purpose, then those with nothing to say. */
export const RANKS = ["removed", "draining", "recovering", "unknown", "drained", "leaving", "unlisted", "healthy"];

// --- internal ---

const ON_PURPOSE = ["drained", "leaving", "unlisted"];

/** Servers may say anything, at any length. */
const LONGEST_REASON = 300;
