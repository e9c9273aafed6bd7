import { openIpvs } from "../../src/dataplane/ipvs/ipvs-plane.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";

/** Weights by real server, read over netlink: fast enough to be asked again and again. */
export async function tableReader(vs: string): Promise<() => Promise<ReadonlyMap<string, number>>> {
  const plane = await openIpvs();
  const key = { protocol: "tcp", endpoint: parseEndpoint(vs) } as const;
  return async () => {
    const observed = await plane.read(key);
    return new Map(observed?.realServers.map(({ server }) => [formatEndpoint(server.endpoint), server.weight]));
  };
}

/** Milliseconds until the table is so. */
export async function timeUntil(
  read: () => Promise<ReadonlyMap<string, number>>,
  isSo: (weights: ReadonlyMap<string, number>) => boolean,
  timeoutMs = 60_000,
): Promise<number> {
  const startedMs = performance.now();
  while (!isSo(await read())) {
    if (performance.now() - startedMs > timeoutMs) throw new Error(`still not so after ${timeoutMs} ms`);
    await Bun.sleep(2);
  }
  return performance.now() - startedMs;
}
