import type { HostObject } from "../reach/host-object.ts";

/** How one thing of the host was found, and what became of it. */
export type ObjectReport =
  | { readonly name: string; readonly outcome: "stood" }
  | { readonly name: string; readonly outcome: "mended"; readonly deviation: string }
  | { readonly name: string; readonly outcome: "failed"; readonly error: unknown };

/** One round: looks at each thing in order and puts right what deviates. One that fails does not keep the others from it. */
export async function reconcileReach(objects: readonly HostObject[]): Promise<readonly ObjectReport[]> {
  const reports: ObjectReport[] = [];
  for (const object of objects) reports.push(await reconcileObject(object));
  return reports;
}

// --- internal ---

async function reconcileObject(object: HostObject): Promise<ObjectReport> {
  const { name } = object;
  try {
    const deviation = await object.inspect();
    if (deviation === undefined) return { name, outcome: "stood" };
    await object.establish();
    return { name, outcome: "mended", deviation };
  } catch (error) {
    return { name, outcome: "failed", error };
  }
}
