import { expect, test } from "bun:test";
import { judgeCertificates } from "../../../src/app/doctor/certificates.ts";
import { A, B, server, subject } from "./subjects.ts";

const VIP = "10.103.97.2";

test.each([
  [[undefined, undefined], []],
  [[[VIP, "kubernetes"], undefined], [`ok every certificate is valid for ${VIP}`]],
  [[[VIP], ["kubernetes", "10.96.0.1"]], [`note ${B} it is valid for kubernetes, 10.96.0.1`]],
  [[[], undefined], [`note ${A} it is valid for no name at all`]],
])("of certificates for %p doctor says %p", (names, said) => {
  const realServers = [A, B].map((address, at) => {
    const certificateNames = names[at];
    return server(address, certificateNames && { certificateNames });
  });
  const findings = judgeCertificates(subject({ realServers }, `${VIP}:6443`));
  const texts = findings.map(({ state, realServer, message }) =>
    [state, ...(realServer === undefined ? [] : [realServer]), message.replace(/^.*?: /, "")].join(" "),
  );
  expect(texts).toEqual([...said]);
});
