import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ProbeTimings, Verdict } from "../../../src/domain/health.ts";
import { openSockets, eventually } from "./support/descriptors.ts";
import { certificateAuthority, selfSigned, type Certificate } from "./support/certificates.ts";
import { check, failed, numbers, openProbe, OPTIONS, passed, probe, VERIFYING } from "./support/probe.ts";
import { answering, deserted, rawServer, type RawServer } from "./support/raw-server.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const authority = certificateAuthority();
const trusting = { trustedRoots: [authority.cert] };

describe("an HTTPS probe", () => {
  test("takes any certificate when it is told not to look", async () => {
    for (const tls of [selfSigned(["127.0.0.1"]), authority.issue(["10.9.9.9"]), authority.issue(["127.0.0.1"], -1)]) {
      using server = answering(OK, { tls });
      expect(await probe(server.endpoint, { scheme: "https" })).toEqual(passed("status 200"));
    }
  });

  test.each<[string, Certificate, string]>([
    ["self-signed", selfSigned(["127.0.0.1"]), "certificate is not trusted (self-signed)"],
    ["foreign", certificateAuthority("other").issue(["127.0.0.1"]), "certificate is not trusted (unknown authority)"],
    ["by a namesake", certificateAuthority().issue(["127.0.0.1"]), "certificate is not trusted (unknown authority)"],
    ["expired", authority.issue(["127.0.0.1"], -1), "certificate has expired"],
    ["another's", authority.issue(["10.9.9.9", "127.0.0.1.test"]), "certificate is not valid for 127.0.0.1"],
    // The runtime itself compares with this name when it is told none.
    ["localhost's", authority.issue(["localhost"]), "certificate is not valid for 127.0.0.1"],
  ])("refuses a certificate that is %s, before it asks anything", async (_, tls, reason) => {
    using server = answering(OK, { tls });
    expect(await probe(server.endpoint, { scheme: "https", tls: VERIFYING }, trusting)).toEqual(failed(reason));
    // Again, for a session that the first handshake left behind must not open the door.
    expect(await probe(server.endpoint, { scheme: "https", tls: VERIFYING }, trusting)).toEqual(failed(reason));
    expect(server.requests).toEqual([]);
  });

  test.each<[string, Certificate, string]>([
    ["self-signed", selfSigned(["api.test"]), "certificate is not trusted (self-signed)"],
    ["foreign", certificateAuthority("other").issue(["api.test"]), "certificate is not trusted (unknown authority)"],
    ["by a namesake", certificateAuthority().issue(["api.test"]), "certificate is not trusted (unknown authority)"],
    ["expired", authority.issue(["api.test"], -1), "certificate has expired"],
  ])("refuses a certificate that is %s although the name that is sent fits it", async (_, tls, reason) => {
    using server = answering(OK, { tls });
    const named = { scheme: "https", tls: VERIFYING, headers: [["Host", "api.test"]] } as const;
    expect(await probe(server.endpoint, named, trusting)).toEqual(failed(reason));
    expect(await probe(server.endpoint, named, trusting)).toEqual(failed(reason));
    expect(server.requests).toEqual([]);
  });

  test.each(["127.0.0.1", "::1"])("trusts a certificate for %s", async (hostname) => {
    using server = answering(OK, { hostname, tls: authority.issue([hostname]) });
    expect(await probe(server.endpoint, { scheme: "https", tls: VERIFYING }, trusting)).toEqual(passed("status 200"));
  });

  test("goes by the name in the Host header", async () => {
    using server = answering(OK, { tls: authority.issue(["api.test"]) });
    const asking = (host: string) =>
      probe(server.endpoint, { scheme: "https", tls: VERIFYING, headers: [["Host", host]] }, trusting);
    expect(await asking("api.test")).toEqual(passed("status 200"));
    expect(await asking("api.test:6443")).toEqual(passed("status 200"));
    expect(await asking("other.test")).toEqual(failed("certificate is not valid for other.test"));
    expect(await asking("10.0.0.1")).toEqual(failed("certificate is not valid for 127.0.0.1"));
  });

  test.each([
    ["SSL_CERT_FILE", "status 200"],
    ["NODE_EXTRA_CA_CERTS", "status 200"],
    ["OF_NO_MEANING", "certificate is not trusted (unknown authority)"],
  ])("trusts the system's roots and those that the environment names as %s", async (variable, reason) => {
    using server = answering(OK, { tls: authority.issue(["127.0.0.1"]) });
    const folder = mkdtempSync(join(tmpdir(), "lvscare-roots-"));
    try {
      const file = join(folder, "roots.pem");
      writeFileSync(file, authority.cert);
      expect(await reasonFromChild(server.endpoint.port, { [variable]: file })).toBe(reason);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("says when the server speaks no TLS", async () => {
    using server = answering("", { onOpen: (socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n") });
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(
      failed("TLS handshake failed: the server speaks no TLS; plain HTTP? scheme: http (--health-schem http)"),
    );
  });

  test("says when the server goes away during the handshake", async () => {
    using server = answering("", { onOpen: (socket) => void socket.end() });
    expect(await probe(server.endpoint, { scheme: "https" })).toEqual(failed("closed during the TLS handshake"));
  });

  test("reads large bodies and sends them", async () => {
    using server = rawServer((socket) => void socket.end(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(30_000)}`), {
      tls: authority.issue(["127.0.0.1"]),
    });
    const body = numbers(1024 * 1024);
    expect(await probe(server.endpoint, { scheme: "https", method: "POST", body })).toEqual(passed("status 200"));
    expect(server.requests.map((request) => request.endsWith(`\r\n\r\n${body}`))).toEqual([true]);
  });
});

test("a check tells how long its steps took, those that it needed", async () => {
  const tls = authority.issue(["127.0.0.1"]);
  using server = answering(OK, { tls });
  const secure = openProbe(server.endpoint, { scheme: "https", sentinel: true });
  const [fresh, , kept] = [await check(secure), await check(secure), await check(secure)];
  secure.close();
  const steps = ({ timings = {} }: { timings?: ProbeTimings }): string[] => Object.keys(timings);
  expect([fresh, kept].map((outcome) => steps(outcome as Verdict))).toEqual([
    ["connectMs", "tlsMs", "firstByteMs"],
    ["firstByteMs"],
  ]);
  const { timings = {}, latencyMs } = fresh as Verdict;
  const sum = Object.values(timings).reduce((total, ms) => total + ms, 0);
  expect(Math.min(...Object.values(timings))).toBeGreaterThan(0);
  expect(sum).toBeLessThanOrEqual(latencyMs);

  using plain = answering(OK);
  expect(steps((await probe(plain.endpoint)) as Verdict)).toEqual(["connectMs", "firstByteMs"]);
  expect(steps((await probe(deserted())) as Verdict)).toEqual([]);
});

describe("HTTPS probes leave nothing behind", () => {
  let server: RawServer;
  beforeAll(() => {
    server = answering(OK, { tls: authority.issue(["127.0.0.1"]) });
  });
  afterAll(() => server[Symbol.dispose]());

  test("when they pass, fail and are closed", async () => {
    const before = openSockets();
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 40 }, (_, i) => {
          const one = openProbe(server.endpoint, { scheme: "https", tls: i % 2 === 0 ? OPTIONS.tls : VERIFYING });
          if (i % 4 > 0) return check(one);
          one.check(() => undefined);
          return once(AbortSignal.timeout(i / 8), "abort").then(() => one.close());
        }),
      );
    }
    expect(await eventually(() => openSockets() <= before)).toBe(true);
  });
});

/** The roots of a system are read once per process: another one is needed to see others. */
async function reasonFromChild(port: number, env: Record<string, string>): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "support/trust-fixture.ts"), String(port)], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stderr: "inherit",
  });
  return new Response(child.stdout).text();
}
