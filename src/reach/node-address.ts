import { readFileSync } from "node:fs";
import type { Family } from "../domain/endpoint.ts";
import { addressesOfHost, type HostAddress } from "./hosts-file.ts";

/** The name that Sealos writes into /etc/hosts with the node's own address. */
export const NODE_NAME = "lvscare.node.ip";

/**
 * This node's address as its hosts file has it: the last line counts, as in the Go program, and one of the family asked for counts more.
 * Undefined when no line has the name.
 */
export function nodeAddress(family: Family, hostsFile = "/etc/hosts"): HostAddress | undefined {
  const candidates = addressesOfHost(read(hostsFile), NODE_NAME);
  return candidates.findLast((candidate) => candidate.family === family) ?? candidates.at(-1);
}

// --- internal ---

/** A host without the file names nobody. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
