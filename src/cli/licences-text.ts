import own from "../../LICENSE" with { type: "text" };
import thirdParty from "./third-party-licences.txt" with { type: "text" };

/** LVScare's own licence, and the notices of all that is inside of it. */
export function renderLicences(): string {
  return [`lvscare\n\n${own}`, thirdParty].join(`\n${"-".repeat(80)}\n\n`);
}
