import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { keyPairProblem } from "../../src/probe/key-pair.ts";
import { checkOnce } from "./contract.ts";
import { certificateAuthority } from "./http/support/certificates.ts";
import { folder } from "./support/programs.ts";
import { optionsOf } from "./support/verdict.ts";

const authority = certificateAuthority();
const [one, other] = [authority.issue(["one"]), authority.issue(["other"])];
const { privateKey: encrypted } = generateKeyPairSync("ec", {
  namedCurve: "prime256v1",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
});
const DAMAGED = "it is damaged, or of an unknown kind";

test.each<[name: string, cert: string, key: string, told: string | undefined]>([
  ["fits", one.cert, one.key, undefined],
  ["fits in one text", one.cert + one.key, one.cert + one.key, undefined],
  ["fits with those of its authorities after it", one.cert + authority.cert, one.key, undefined],
  ["of another certificate", one.cert, other.key, "key: its key is not that of the certificate"],
  ["missing", one.cert, one.cert, "key: it holds no key, and there is no key-file"],
  ["missing in a text of its own", one.cert, "", "key: it holds no key"],
  ["without a certificate", one.key, one.key, "cert: it holds no certificate"],
  ["encrypted", one.cert, encrypted, "key: its key is encrypted"],
  ["damaged", one.cert, one.key.replace(/\n.{20}/, "\n"), `key: its key cannot be used: ${DAMAGED}`],
  ["of a damaged one", one.cert.replace(/\n.{20}/, "\n"), one.key, `cert: its certificate cannot be used: ${DAMAGED}`],
])("a key %s", (_, cert, key, told) => {
  const found = keyPairProblem({ cert, key });
  expect(found && `${found.of}: ${found.problem}`).toBe(told);
});

test("a check tells of a pair that cannot work by its file, and goes on when it is mended", async () => {
  using files = folder();
  const server = authority.issue(["127.0.0.1"]);
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: server,
    socket: { data: () => undefined },
  });
  const endpoint = parseEndpoint(`127.0.0.1:${listener.port}`);
  const [cert, key] = [files.write("own.crt", one.cert), files.write("own.key", other.key)];
  const probe = optionsOf(endpoint, { type: "tls", "cert-file": cert, "key-file": key });
  const verdict = async (): Promise<unknown> => {
    const { passed, reason } = await checkOnce(probe, endpoint);
    return [passed, reason];
  };
  expect(await verdict()).toEqual([undefined, `${key}: its key is not that of the certificate`]);
  files.write("own.key", one.key);
  expect(await verdict()).toEqual([true, expect.stringContaining("TLS")]);
});
