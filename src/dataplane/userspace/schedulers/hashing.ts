import { addressBytes } from "../../../domain/endpoint.ts";
import { accepts, type Candidate, type PickRequest, type Scheduler } from "./scheduler.ts";

/**
 * `sh`: the client's address decides, so a client comes back to its server while the set of servers and their weights
 * stay. `withPort` (the kernel's sh-port flag) hashes the client's port too.
 *
 * The kernel drops the connection when that server takes none, unless sh-fallback is set. This proxy always falls
 * back, because it finds dead servers itself. The clients of the other servers stay where they are.
 */
export function sourceHashing(withPort: boolean): Scheduler {
  return {
    pick(servers, request) {
      const bucket = bucketOf(request.clientAddress, withPort ? request.clientPort : 0);
      // A server of weight 0 keeps one bucket, as in the kernel: draining it does not move other servers' clients.
      return fromBucket(servers, request, bucket, ({ weight }) => Math.max(1, weight));
    },
  };
}

/**
 * `dh`: the destination decides. One virtual server has one address, so all clients go to one server, as in the
 * kernel. The others are its backup.
 */
export function destinationHashing(virtualAddress: string): Scheduler {
  const bucket = bucketOf(virtualAddress, 0);
  return { pick: (servers, request) => fromBucket(servers, request, bucket, () => 1) };
}

// --- internal ---

const BUCKETS = 256;

/** The kernel's `hash_32`: multiply by 2^32 divided by the golden ratio, keep the upper 8 bits. */
function bucketOf(address: string, port: number): number {
  return Math.imul(foldAddress(address) + port, 0x61c88647) >>> 24;
}

function foldAddress(address: string): number {
  const bytes = addressBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let folded = 0;
  for (let at = 0; at < bytes.length; at += 4) folded ^= view.getUint32(at);
  return folded >>> 0;
}

/**
 * The kernel deals out its 256 buckets in list order, `share` of them at a time. The buckets after a refusing one are
 * tried next.
 */
function fromBucket<Server extends Candidate>(
  servers: readonly Server[],
  request: PickRequest<Server>,
  bucket: number,
  share: (server: Candidate) => number,
): Server | undefined {
  if (!servers.some((server) => accepts(server, request))) return undefined;
  const round = servers.reduce((sum, server) => sum + share(server), 0);
  for (let step = 0; step < BUCKETS; step++) {
    const server = ownerOf(servers, ((bucket + step) % BUCKETS) % round, share);
    if (server !== undefined && accepts(server, request)) return server;
  }
  // With more shares than buckets some servers own none of them.
  return servers.find((server) => accepts(server, request));
}

function ownerOf<Server extends Candidate>(
  servers: readonly Server[],
  slot: number,
  share: (server: Candidate) => number,
): Server | undefined {
  let left = slot;
  for (const server of servers) {
    left -= share(server);
    if (left < 0) return server;
  }
  return undefined;
}
