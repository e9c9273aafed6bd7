import { describe, expect, test } from "bun:test";
import { parseDocument } from "../../src/config/file/parse-document.ts";
import { readConfig } from "../../src/config/file/read-config.ts";
import type { ProbeOptions } from "../../src/config/care-options.ts";
import type { CertificateFacts } from "../../src/domain/certificate.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import { openKind } from "./contract.ts";
import { certificateAuthority, type Certificate } from "./http/support/certificates.ts";
import { checkWithCertificate } from "./http/support/probe.ts";
import { rawServer, type RawServer } from "./http/support/raw-server.ts";

const DAY_MS = 86_400_000;
const authority = certificateAuthority("test, authority\n\u001B[2J");
const KINDS = ["http", "tcp", "tls", "kube-apiserver"] as const;

describe.each(KINDS)("a check of type %s", (type) => {
  test("tells of the certificate that it saw, whether it trusts that or not", async () => {
    using server = serving(authority.issue(["api.test", "127.0.0.1", "fd00::1"], 12));
    const facts = {
      fingerprint: expect.stringMatching(/^(?:[\dA-F]{2}:){31}[\dA-F]{2}$/),
      subject: "test server",
      issuer: "test, authority\\n\\x1b[2J",
      names: ["api.test", "127.0.0.1", "fd00::1"],
      notBeforeMs: expect.any(Number),
      notAfterMs: expect.any(Number),
    };
    const taken = await checked(type, server);
    const seen = certificateIn(taken);
    // The matchers of this version put what they matched in its place.
    expect(Math.round(((seen?.notAfterMs ?? 0) - Date.now()) / DAY_MS)).toBe(12);
    expect(Math.round(((seen?.notBeforeMs ?? 0) - Date.now()) / DAY_MS)).toBe(-1);
    expect(taken).toMatchObject({ passed: true, certificate: facts });
    expect(await checked(type, server, { verify: "full" })).toMatchObject({ passed: false, certificate: facts });
  });

  test.each([
    [30, {}, undefined],
    [-1, {}, undefined],
    [-1, { "min-days-left": 0 }, "certificate has expired"],
    [12, { "min-days-left": 11 }, undefined],
    [12, { "min-days-left": 14 }, "certificate expires in 11 days, min-days-left is 14"],
    [1, { "min-days-left": 1 }, "certificate expires in less than a day, min-days-left is 1"],
    // Whom nobody trusts is told of first.
    [12, { "min-days-left": 14, verify: "full" }, "certificate is not trusted (unknown authority)"],
  ])("of one that ends in %p days with %p says %p", async (days, tls, reason) => {
    using server = serving(authority.issue(["127.0.0.1"], days));
    const outcome = await checked(type, server, tls);
    if (reason === undefined) expect(outcome).toMatchObject({ passed: true });
    else expect(outcome).toMatchObject({ passed: false, reason: expect.stringContaining(reason) });
    expect(certificateIn(outcome)?.names).toEqual(["127.0.0.1"]);
  });
});

test("what was seen stays known while a connection is kept or none is made, and the next handshake shows another", async () => {
  const [first, second] = [authority.issue(["a.test"]), authority.issue(["b.test"])];
  const server = serving(first);
  const probe = openKind(probeOf("http", {}), server.endpoint);
  const names = async (): Promise<readonly [passed: boolean | undefined, names: readonly string[] | undefined]> => {
    const outcome = await checkWithCertificate(probe);
    return [outcome.passed, certificateIn(outcome)?.names];
  };
  expect(await names()).toEqual([true, ["a.test"]]);
  expect(await names()).toEqual([true, ["a.test"]]);
  server[Symbol.dispose]();
  expect(await names()).toEqual([false, ["a.test"]]);
  using _ = serving(second, server.endpoint.port);
  expect(await names()).toEqual([true, ["b.test"]]);
  probe.close();
});

test("a name that pretends to be several is one, and no terminal obeys it", async () => {
  using server = serving(authority.issue(["a.test, DNS:b.test", "c.test\n"]));
  expect(certificateIn(await checked("tls", server))?.names).toEqual(['"a.test\\u002c DNS:b.test"', '"c.test\\u000a"']);
});

test("one without a subject goes by its first name, and an authority without a name by none", async () => {
  const nameless = certificateAuthority("", "");
  using server = serving(nameless.issue(["a.test", "b.test"]));
  expect(certificateIn(await checked("tls", server))).toMatchObject({ subject: "a.test", issuer: "nobody" });
});

test("one whose only name is empty goes by none", async () => {
  using server = serving(certificateAuthority("", "").issue([""]));
  expect(certificateIn(await checked("tls", server))).toMatchObject({ subject: "nobody", names: [] });
});

test("without TLS there is none", async () => {
  using server = rawServer((socket) => void socket.write(OK));
  const options = { ...probeOf("http", {}), scheme: "http" } as ProbeOptions;
  expect(await checkWithCertificate(openKind(options, server.endpoint))).not.toHaveProperty("certificate");
});

// --- internal ---

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function serving(tls: Certificate, port = 0): RawServer {
  return rawServer((socket) => void socket.write(OK), { tls, port });
}

async function checked(
  type: (typeof KINDS)[number],
  server: RawServer,
  tls: Readonly<Record<string, unknown>> = {},
): Promise<ProbeOutcome> {
  const probe = openKind(probeOf(type, tls), server.endpoint);
  try {
    return await checkWithCertificate(probe);
  } finally {
    probe.close();
  }
}

function certificateIn(outcome: ProbeOutcome): CertificateFacts | undefined {
  return outcome.passed === undefined ? undefined : outcome.certificate;
}

/** As a file says it: below `tls`, or at the top. */
function probeOf(type: (typeof KINDS)[number], tls: Readonly<Record<string, unknown>>): ProbeOptions {
  const settings = { verify: "none", ...tls };
  const keys = {
    http: { tls: settings, scheme: "https" },
    tcp: { tls: settings, send: "GET / HTTP/1.1\r\n\r\n", expect: { contains: "ok" } },
    tls: settings,
    "kube-apiserver": settings,
  }[type];
  const file = {
    version: 1,
    "virtual-servers": [{ address: "10.0.0.1:80", "real-servers": ["10.0.0.2:80"], probe: { type, ...keys } }],
  };
  const { config, findings } = readConfig([parseDocument({ name: "f.yaml", text: JSON.stringify(file) })]);
  expect(findings.filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([]);
  const probe = config?.virtualServers[0]?.probe;
  if (probe === undefined || probe.type === "combination") throw new Error("no probe");
  return probe;
}
