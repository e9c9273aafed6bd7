import type { TlsProbeOptions } from "../../config/probe-kinds/tls.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { note, type Finding } from "../../domain/finding.ts";
import { unknownStanding } from "../../domain/standing.ts";
import { checkOnce } from "../care-process.ts";
import { about, type Subject } from "./subject.ts";

/** Its checks connect and say nothing: one of its real servers, which may expect TLS. */
export function silentlyChecked({ daemon, realServers }: Subject): Endpoint | undefined {
  if (daemon?.probes?.some(({ onlyConnects }) => onlyConnects === true) !== true) return undefined;
  return realServers.find(({ weight = 0 }) => weight > 0)?.endpoint;
}

/** Whether a server takes up a TLS handshake. */
export async function speaksTls(server: Endpoint, { service }: Subject): Promise<boolean> {
  const whose = { key: service, standingOf: unknownStanding };
  const outcome = await checkOnce(HANDSHAKE, server, whose, AbortSignal.timeout(2 * WITHIN_MS));
  // One that wants to see a certificate of ours shows its own first.
  return outcome.passed === true || (outcome.passed === false && outcome.certificate !== undefined);
}

/** A server that speaks TLS complains of each connection that says nothing. */
export function judgeSilence(isTls: boolean, server: Endpoint, subject: Subject): Finding[] {
  if (!isTls) return [];
  return [
    note(
      "probe",
      `${formatEndpoint(server)} speaks TLS, and checks of type tcp say nothing: each leaves a line in its log, such as \`TLS handshake error … EOF\``,
      "have a probe of type tls, or one that asks for something; by flags `--health-schem tls`",
      about(subject, server),
    ),
  ];
}

// --- internal ---

const WITHIN_MS = 1000;

const HANDSHAKE: TlsProbeOptions = {
  type: "tls",
  tls: { verify: "none", caFile: undefined, certFile: undefined, keyFile: undefined, serverName: undefined, alpn: [] },
  timeoutMs: WITHIN_MS,
  connectTimeoutMs: WITHIN_MS,
};
