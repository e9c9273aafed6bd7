import type { ControlVirtualServer } from "../control/answers.ts";
import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import { describeNamed, isCalled, listFirst } from "../domain/name.ts";
import {
  describeVirtualServer,
  exactWord,
  isVirtualServerCalled,
  parseVirtualServerWord,
} from "../domain/virtual-server-name.ts";

type Candidate = Pick<ControlVirtualServer, "named" | "realServers">;

/**
 * The virtual server that a word means, an address or a name. Throws NOT_LISTED with those that there are, and USAGE
 * where it may be several.
 */
export function findVirtualServer<T extends Candidate>(word: string, all: readonly T[]): T {
  const [found, ...others] = all.filter(({ named }) =>
    isVirtualServerCalled(canonical(word, parseVirtualServerWord), named),
  );
  if (found === undefined)
    throw new LvscareError("NOT_LISTED", `no virtual server ${word} is cared for`, {
      remedy: `there are ${listFirst(all.map(nameOf))}`,
    });
  if (others.length > 0) {
    const named = all.map((one) => one.named);
    const words = [found, ...others].map((one) => exactWord(one.named, named));
    throw new LvscareError("USAGE", `${word} may be ${listFirst(words)}`, { remedy: "name the one by its address" });
  }
  return found;
}

/**
 * The real server that a word means, an address or a name, behind one of these virtual servers. Throws NOT_LISTED with
 * those that there are, and USAGE where it may be several.
 */
export function findRealServer<T extends Candidate>(
  word: string,
  candidates: readonly T[],
): { readonly virtualServer: T; readonly server: string } {
  const all = candidates.flatMap((virtualServer) => virtualServer.realServers.map((one) => ({ virtualServer, one })));
  const [found, ...others] = all.filter(({ one }) => isCalled(canonical(word, canonicalEndpoint), one));
  if (found === undefined) {
    const known = all.map(({ virtualServer, one }) => `${describeNamed(one)} (of ${nameOf(virtualServer)})`);
    throw new LvscareError("NOT_LISTED", `no real server ${word} is cared for`, {
      remedy: `there are ${listFirst(known)}`,
    });
  }
  if (others.length > 0) {
    const behind = [found, ...others].map(({ virtualServer }) => nameOf(virtualServer));
    throw new LvscareError("USAGE", `${word} stands behind ${listFirst(behind, " and ")}`, {
      remedy: "name the virtual server, too",
    });
  }
  return { virtualServer: found.virtualServer, server: found.one.address };
}

// --- internal ---

/** An address as it is written everywhere; any other word as it is. */
function canonical(word: string, parse: (word: string) => string): string {
  try {
    return parse(word);
  } catch (error) {
    if (error instanceof LvscareError) return word;
    throw error;
  }
}

function canonicalEndpoint(word: string): string {
  return formatEndpoint(parseEndpoint(word));
}

function nameOf({ named }: Candidate): string {
  return describeVirtualServer(named);
}
