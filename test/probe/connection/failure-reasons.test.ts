import { describe, expect, test } from "bun:test";
import { LvscareError } from "../../../src/domain/errors.ts";
import { failureReason, handshakeFailure } from "../../../src/probe/connection/failure-reasons.ts";

describe("failureReason", () => {
  test.each<[string, unknown, string]>([
    ["an errno of ours", new LvscareError("SOCKET_FAILED", "x", { errno: "EHOSTUNREACH" }), "no route to host"],
    ["an errno of the runtime", coded("ECONNRESET", "read"), "connection reset"],
    [
      "an alert after the handshake",
      tls("TLSV1_ALERT_CERTIFICATE_REQUIRED"),
      "TLS handshake failed: the server demands a client certificate",
    ],
    ["a name without words", coded("EXFULL", "exchange full"), "exchange full"],
    ["an error without a name", new RangeError("too far"), "too far"],
    ["no error at all", "boo", "boo"],
  ])("puts %s into words", (_, error, reason) => {
    expect(failureReason(error)).toBe(reason);
  });
});

describe("handshakeFailure", () => {
  test.each<[string, Error | null | undefined, string, afterItsCertificate?: boolean]>([
    ["a peer without TLS", tls("WRONG_VERSION_NUMBER"), "TLS handshake failed: the server speaks no TLS"],
    ["a peer of old", tls("TLSV1_ALERT_PROTOCOL_VERSION"), "TLS handshake failed: the server speaks no TLS 1.2 or 1.3"],
    [
      "a failure without words",
      tls("SSLV3_ALERT_HANDSHAKE_FAILURE"),
      "TLS handshake failed: alert of the server: handshake failure",
    ],
    [
      "a peer that wants our certificate and has no word for it",
      tls("SSLV3_ALERT_HANDSHAKE_FAILURE"),
      "TLS handshake failed: the server demands a client certificate",
      true,
    ],
    [
      "another refusal after its certificate",
      tls("TLSV1_ALERT_ACCESS_DENIED"),
      "TLS handshake failed: alert of the server: access denied",
      true,
    ],
    ["a peer that closed", coded("ECONNRESET", "disconnected"), "closed during the TLS handshake"],
    ["a handshake that never began", undefined, "closed during the TLS handshake"],
  ])("puts %s into words", (_, problem, reason, afterItsCertificate = false) => {
    expect(handshakeFailure(problem, afterItsCertificate)).toBe(reason);
  });
});

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function tls(matter: string): Error {
  return coded("EPROTO", `error:1000045c:SSL routines:OPENSSL_internal:${matter}`);
}
