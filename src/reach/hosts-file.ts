import { parseAddress, type Endpoint } from "../domain/endpoint.ts";

export type HostAddress = Omit<Endpoint, "port">;

/**
 * The addresses of a name in a hosts file, as the first name or an alias, in the order of the lines. Lines without a
 * valid address are skipped, and so are comments.
 */
export function addressesOfHost(hostsFile: string, name: string): readonly HostAddress[] {
  return hostsFile.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/s, "").trim().split(/\s+/);
    const parsed = parseAddress(address);
    // Host names know no upper and lower case.
    const isMeant = names.some((candidate) => candidate.toLowerCase() === name.toLowerCase());
    return isMeant && parsed !== undefined ? [parsed] : [];
  });
}
