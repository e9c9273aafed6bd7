import { LvscareError } from "../domain/errors.ts";
import type { HostObject } from "../reach/host-object.ts";

/** How one object of the host was found, and what was done about it. */
export type ObjectReport =
  | { readonly name: string; readonly outcome: "stood" }
  | { readonly name: string; readonly outcome: "mended"; readonly deviation: string }
  /** It deviates and stays so, as `error` says why. */
  | { readonly name: string; readonly outcome: "left"; readonly deviation: string; readonly error: LvscareError }
  | { readonly name: string; readonly outcome: "failed"; readonly error: unknown };

/** One round: looks at each object in order and repairs what deviates. A failure does not stop the rest. */
export async function reconcileReach(objects: readonly HostObject[]): Promise<readonly ObjectReport[]> {
  const reports: ObjectReport[] = [];
  for (const object of objects) reports.push(await reconcileObject(object));
  return reports;
}

// --- internal ---

async function reconcileObject(object: HostObject): Promise<ObjectReport> {
  let deviation: string | undefined;
  try {
    deviation = await object.inspect();
    if (deviation === undefined) return { name: object.name, outcome: "stood" };
    const stoodByThen = (await object.establish()) === false;
    return stoodByThen ? { name: object.name, outcome: "stood" } : { name: object.name, outcome: "mended", deviation };
  } catch (error) {
    const { name, tolerates = [] } = object;
    if (deviation !== undefined && error instanceof LvscareError && tolerates.includes(error.code)) {
      return { name, outcome: "left", deviation, error };
    }
    return { name, outcome: "failed", error };
  }
}
