import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { addressBytes, parseAddress } from "../../../../src/domain/endpoint.ts";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A server certificate for these addresses and names, valid from `sinceDays` ago until `validDays` from now. */
  issue(names: readonly string[], validDays?: number, sinceDays?: number): Certificate;
}

/** A new authority; its X.509 (RFC 5280) is written by hand, so that the tests need no tool and expire never. */
export function certificateAuthority(name = "test authority", subject = "test server"): Authority {
  const pair = newKeyPair();
  const issuer: Issuer = { name: commonName(name), key: pair.privateKey };
  return {
    ...certificate(pair, issuer.name, issuer, [BASIC_CONSTRAINTS_CA], 30),
    issue: (names, validDays = 30, sinceDays = 1) =>
      certificate(newKeyPair(), commonName(subject), issuer, [alternativeNames(names)], validDays, sinceDays),
  };
}

/** A certificate signed by its own key. */
export function selfSigned(names: readonly string[]): Certificate {
  const pair = newKeyPair();
  const name = commonName("self-signed");
  return certificate(pair, name, { name, key: pair.privateKey }, [alternativeNames(names)], 30);
}

// --- internal ---

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Issuer {
  readonly name: Buffer;
  readonly key: KeyObject;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const BASIC_CONSTRAINTS_CA = sequence(oid("551d13"), der(0x01, [0xff]), der(0x04, sequence(der(0x01, [0xff]))));
let serial = 1;

function newKeyPair(): KeyPair {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

function certificate(
  pair: KeyPair,
  subject: Buffer,
  issuer: Issuer,
  extensions: Buffer[],
  validDays: number,
  sinceDays = 1,
): Certificate {
  const notAfter = Date.now() + validDays * DAY_MS;
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [serial++]),
    ECDSA_WITH_SHA256,
    issuer.name,
    sequence(utcTime(Math.min(notAfter, Date.now()) - sinceDays * DAY_MS), utcTime(notAfter)),
    subject,
    pair.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, issuer.key);
  const whole = sequence(body, ECDSA_WITH_SHA256, der(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = whole.toString("base64").replaceAll(/.{64}(?=.)/g, "$&\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    parseAddress(name) === undefined ? der(0x82, Buffer.from(name)) : der(0x87, addressBytes(name)),
  );
  return sequence(oid("551d11"), der(0x04, sequence(...entries)));
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(text)))));
}

function utcTime(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: ArrayLike<number>): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.from([tag, ...size, ...Array.from(content)]);
}
