import { join } from "node:path";
import { checkout } from "../test/checkout.ts";
import lock from "./debian-lock.json" with { type: "json" };

/** A package of Debian that the image has parts of, in one version and no other. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Of the package's file. */
  readonly sha256: string;
}

export const LOCK_FILE = join(checkout, "tasks/image/debian-lock.json");

/** Throws for an architecture that is not locked. */
export function lockedPackages(architecture: string): readonly LockedPackage[] {
  const found = LOCKED.get(architecture);
  if (found === undefined) throw new Error(`${LOCK_FILE} has no packages for ${architecture}`);
  return found;
}

// --- internal ---

const LOCKED: ReadonlyMap<string, readonly LockedPackage[]> = new Map(Object.entries(lock));
