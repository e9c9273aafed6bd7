import { note, ok, type Finding } from "../../domain/finding.ts";
import { about, type Subject } from "./subject.ts";

/**
 * Whether clients that connect to the virtual address can trust whom they reach: TLS passes through, so it is a real
 * server's certificate that they see. Where checks ask another address or port, that is another certificate.
 */
export function judgeCertificates(subject: Subject): Finding[] {
  const { address } = subject.service.endpoint;
  const known = subject.realServers.filter(({ certificateNames }) => certificateNames !== undefined);
  const lacking = known.filter(({ certificateNames = [] }) => !certificateNames.includes(address));
  if (lacking.length === 0)
    return known.length === 0 ? [] : [ok("certificate", `every certificate is valid for ${address}`, about(subject))];
  return lacking.map(({ endpoint, certificateNames = [] }) =>
    note(
      "certificate",
      `clients that connect to ${address} refuse the certificate that checks see: it is valid for ${nameSome(certificateNames)}`,
      `have ${address} among its subject alternative names (kubeadm: in apiServer.certSANs of its configuration; then move apiserver.crt and apiserver.key away and run \`kubeadm init phase certs apiserver --config <file>\`)`,
      about(subject, endpoint),
    ),
  );
}

// --- internal ---

/** A certificate of an API server has ten. */
const MOST_NAMED = 10;

function nameSome(names: readonly string[]): string {
  if (names.length === 0) return "no name at all";
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return `${names.slice(0, MOST_NAMED).join(", ")}${more}`;
}
