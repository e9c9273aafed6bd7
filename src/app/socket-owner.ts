import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { addressFromBytes, type Endpoint } from "../domain/endpoint.ts";
import type { HostProcess } from "./culprit.ts";

export interface SocketOwner extends HostProcess {
  readonly uid: number;
}

/**
 * The process that has one of these sockets open, by inode; undefined where that is not visible from here, as in
 * another pid namespace.
 */
export function ownerOfSocket(inodes: ReadonlySet<string>): SocketOwner | undefined {
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const folder = `/proc/${pid}/fd`;
      if (!readdirSync(folder).some((fd) => wanted.has(linkOf(`${folder}/${fd}`)))) continue;
      const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
      return { pid: Number(pid), name, uid: statSync(`/proc/${pid}`).uid };
    } catch {
      // It ended meanwhile, or is not ours to look at.
    }
  }
  return undefined;
}

/** The process that listens for TCP connections at this endpoint; undefined where that is not visible from here. */
export function listenerOnPort(endpoint: Endpoint): SocketOwner | undefined {
  const inodes = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].flatMap((path) => listeners(path, endpoint));
  return inodes.length === 0 ? undefined : ownerOfSocket(new Set(inodes));
}

// --- internal ---

/** TCP_LISTEN of net/tcp_states.h. */
const LISTENING = "0A";
const ANY: readonly string[] = ["0.0.0.0", "::"];

/**
 * Inodes from the kernel's list: `0: 0100007F:2391 00000000:0000 0A … inode …`. Without the file there are none: a
 * kernel without IPv6.
 */
function listeners(path: string, { address, port }: Endpoint): string[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [hex = "", hexPort = ""] = local.split(":");
    if (state !== LISTENING || Number.parseInt(hexPort, 16) !== port) return [];
    const theirs = addressFromWords(hex);
    return theirs === address || ANY.includes(theirs) || ANY.includes(address) ? [inode] : [];
  });
}

/** Each word of four bytes is written as this host reads it. Both of our architectures are little-endian. */
function addressFromWords(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) => Uint8Array.fromHex(word).toReversed());
  return addressFromBytes(new Uint8Array(words.flatMap((word) => [...word])));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
