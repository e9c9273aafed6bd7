import { acknowledgementOf, openTcpSocket, watchSilence } from "#native";
import type { ProbeOutcome } from "../../../../src/domain/health.ts";
import { createHttpProber } from "../../../../src/probe/http/http-prober.ts";

/** Probes a port of this host by HTTPS with verification and prints the reason of the verdict. */
const prober = createHttpProber(
  {
    type: "http",
    scheme: "https",
    path: "/healthz",
    method: "GET",
    body: "",
    headers: [],
    tokenFile: undefined,
    headersFile: undefined,
    acceptStatus: [],
    expectHeaders: [],
    expectBody: undefined,
    drainOn: [],
    failAtOnce: [],
    followRedirects: true,
    tls: {
      verify: "full",
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      serverName: undefined,
      alpn: [],
    },
    // The server is in another process, which other work may hold up.
    timeoutMs: 45_000,
    connectTimeoutMs: 3000,
    sentinel: false,
    sentinelTimeoutMs: 300,
    sentinelWorthMs: 1000,
    freshConnection: false,
  },
  { openTcpSocket, watchSilence, acknowledgementOf },
);
const target = { family: "ipv4", address: "127.0.0.1", port: Number(process.argv[2]) } as const;
const { reason } = await new Promise<ProbeOutcome>((told) => prober.open(target, () => undefined).check(told));
process.stdout.write(reason);
