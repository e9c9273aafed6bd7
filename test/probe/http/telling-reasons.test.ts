import { describe, expect, test } from "bun:test";
import { createServer as createHttp2Server, createSecureServer, type Http2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import { certificateAuthority } from "./support/certificates.ts";
import { failed, passed, probe, VERIFYING } from "./support/probe.ts";
import { rawServer } from "./support/raw-server.ts";

const authority = certificateAuthority();
const tls = authority.issue(["127.0.0.1"]);

describe("a server of HTTP/2 only is told as one", () => {
  test("without TLS", async () => {
    await using server = await serving(createHttp2Server());
    expect(await probe(server.endpoint)).toEqual(failed("the server speaks only HTTP/2"));
  });

  test("that goes by what TLS agreed on", async () => {
    await using server = await serving(createSecureServer(tls));
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(
      failed("TLS handshake failed: the server speaks no HTTP/1.1, perhaps only HTTP/2"),
    );
  });

  test("that leaves when TLS agreed on nothing", async () => {
    using server = rawServer((socket) => void socket.end(), { tls });
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(
      failed("closed without an answer, and without a word for HTTP/1.1 (ALPN): perhaps it speaks only HTTP/2"),
    );
  });

  test("and one that has both is asked in HTTP/1.1", async () => {
    const protocols: unknown[] = [];
    const both = createSecureServer({ ...tls, allowHTTP1: true }, (request, response) => {
      protocols.push([request.httpVersion, (request.socket as { alpnProtocol?: unknown }).alpnProtocol]);
      response.end();
    });
    await using server = await serving(both);
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(passed("status 200"));
    expect(protocols).toEqual([["1.1", "http/1.1"]]);
  });
});

describe("a server that demands a client certificate is told as one", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("in %s", async (version) => {
    await using server = await serving(answering({ ...DEMANDING, minVersion: version, maxVersion: version }));
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(
      failed("TLS handshake failed: the server demands a client certificate"),
    );
  });

  test("and not one that takes no cipher of ours", async () => {
    // Its certificate is of an elliptic curve.
    const ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    await using server = await serving(answering({ ...tls, maxVersion: "TLSv1.2", ciphers }));
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(
      failed("TLS handshake failed: alert of the server: handshake failure"),
    );
  });
});

test("the server name for TLS has no dot at its end, as the Host header may have", async () => {
  const names: unknown[] = [];
  await using server = await serving(
    createTlsServer({ ...authority.issue(["api.test"]) }, (socket) => {
      names.push(socket.servername);
      socket.once("data", (request: Buffer) => {
        names.push(/^Host: (.*)\r$/m.exec(request.toString())?.[1]);
        socket.end("HTTP/1.1 204 No Content\r\n\r\n");
      });
    }),
  );
  for (const host of ["api.test.", "api.test.:6443"]) {
    const options = { scheme: "https", headers: [["Host", host]], tls: VERIFYING } as const;
    expect(await probe(server.endpoint, options, { trustedRoots: [authority.cert] })).toEqual(passed("status 204"));
    expect(names.splice(0)).toEqual(["api.test", host]);
  }
});

/** In a network namespace of its own, which `unshare` makes. */
const NAMESPACE = ["unshare", "--map-root-user", "--net", "sh", "-c"] as const;
const SETTING = "ip link set lo up && ip route add blackhole 10.9.0.1/32 && ip -6 route add blackhole fd09::1/128";
const isPossible = Bun.spawnSync([...NAMESPACE, SETTING]).exitCode === 0;

test.skipIf(!isPossible)("a blackhole route and disabled IPv6 are told as such, and are verdicts", async () => {
  const fixture = join(import.meta.dir, "support/reasons-fixture.ts");
  const script = `${SETTING}
    "$@" 10.9.0.1:80 '[fd09::1]:80' &&
    echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && "$@" '[fd01::5]:80' '[::1]:80'`;
  const child = Bun.spawn([...NAMESPACE, script, "sh", process.execPath, "--conditions=development", fixture], {
    stdout: "pipe",
  });
  const said = (await child.stdout.text()).trim().split("\n");
  const blackhole = "false unreachable: a blackhole route swallows what is sent there";
  const disabled = "false unreachable: this host has no IPv6 address to speak from; IPv6 may be disabled";
  expect([said, await child.exited]).toEqual([[blackhole, blackhole, disabled, disabled], 0]);
});

// --- internal ---

const DEMANDING = { ...tls, requestCert: true, rejectUnauthorized: true, ca: [authority.cert] };

function answering(options: TlsOptions): Server {
  return createTlsServer(options, (socket) => {
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 204 No Content\r\n\r\n");
  });
}

async function serving(server: Server | Http2Server): Promise<AsyncDisposable & { readonly endpoint: Endpoint }> {
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { family: "ipv4", address: "127.0.0.1", port },
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
