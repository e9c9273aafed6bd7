import { LvscareError } from "../domain/errors.ts";
import type { DaemonListing } from "../domain/listing.ts";
import { isName, listFirst, type Named } from "../domain/name.ts";
import { exactWord, isVirtualServerCalled, keyOf, type NamedVirtualServer } from "../domain/virtual-server-name.ts";
import { listDaemons } from "./daemon-sockets.ts";

/**
 * The addresses and names of what running daemons care for, for completions. `line`: what was typed so far; the real
 * servers that it names are left out, and those that are not behind the virtual server of its `--vs`. What does not
 * answer at once is left out: somebody waits with a finger on the key.
 */
export async function knownNames(kind: "virtual-servers" | "real-servers", line = ""): Promise<readonly string[]> {
  const { daemons } = await listDaemons({ timeoutMs: QUICK_MS });
  const all = daemons.flatMap(({ listing }) => listing.virtualServers);
  const words =
    kind === "virtual-servers"
      ? all.flatMap((one) => wordsOf({ ...one, address: exactWord(one, all) }))
      : left(line, all).flatMap(wordsOf);
  return [...new Set(words)].filter((word) => HARMLESS.test(word)).toSorted();
}

/**
 * Virtual servers in canonical text, by that or by name: an address, with its protocol where that is known. An address
 * need not be cared for by anybody; for a name that nobody knows it rejects with NOT_RUNNING, and for one that several
 * have with USAGE.
 */
export async function resolveVirtualServers(words: readonly string[]): Promise<readonly string[]> {
  if (!words.some(isName)) return words;
  const { daemons, complaints } = await listDaemons();
  const all = daemons.flatMap(({ listing }) => listing.virtualServers);
  return words.map((word) => {
    if (!isName(word)) return word;
    const [found, ...others] = all.filter((one) => isVirtualServerCalled(word, one));
    if (found === undefined)
      throw new LvscareError("NOT_RUNNING", [`no daemon cares for ${word}`, ...complaints].join("; "), {
        remedy: "name it by its address",
      });
    if (others.length > 0) {
      const addresses = [found, ...others].map((one) => exactWord(one, all));
      throw new LvscareError("USAGE", `${word} may be ${listFirst(addresses)}`, {
        remedy: "name the one by its address",
      });
    }
    return keyOf(found);
  });
}

/**
 * Real servers as addresses: a word may be the address of one that nobody cares for any more, but for a name that
 * nobody knows it rejects with NOT_LISTED.
 */
export async function resolveRealServers(words: readonly string[]): Promise<readonly string[]> {
  if (!words.some(isName)) return words;
  const { daemons, complaints } = await listDaemons();
  const all = daemons.flatMap(({ listing }) => listing.virtualServers.flatMap(({ realServers }) => realServers));
  return words.flatMap((word) => {
    if (!isName(word)) return word;
    const addresses = all.filter(({ name }) => name === word).map(({ address }) => address);
    if (addresses.length > 0) return [...new Set(addresses)];
    throw new LvscareError("NOT_LISTED", [`no real server ${word} is cared for`, ...complaints].join("; "), {
      remedy: "name it by its address",
    });
  });
}

/** Of these addresses, those that no running daemon cares for. */
export async function uncaredFor(addresses: readonly string[]): Promise<readonly string[]> {
  if (addresses.length === 0) return [];
  const { daemons } = await listDaemons();
  const all = daemons.flatMap(({ listing }) => listing.virtualServers.flatMap(({ realServers }) => realServers));
  return addresses.filter((address) => !all.some((one) => one.address === address));
}

// --- internal ---

const QUICK_MS = 300;

/** Shells expand what they are offered, and any program may answer at a socket. */
const HARMLESS = /^[\w.:[\]/-]+$/;

function left(line: string, all: DaemonListing["virtualServers"]): readonly Named[] {
  const named = [...line.matchAll(/(?:^|\s)--vs(?:=|\s+)(\S+)/g)].flatMap(([, words = ""]) => words.split(","));
  const isMeant = (one: NamedVirtualServer): boolean =>
    named.length === 0 || named.some((word) => isVirtualServerCalled(word.replace("/", " "), one));
  const meant = all.filter(isMeant);
  const given = line.split(/\s+/);
  return meant
    .flatMap(({ realServers }) => realServers)
    .filter(({ name, address }) => !given.includes(address) && (name === undefined || !given.includes(name)));
}

function wordsOf({ address, name }: Named): readonly string[] {
  return name === undefined ? [address] : [name, address];
}
