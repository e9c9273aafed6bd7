import type { KubeApiserverProbeOptions } from "../../config/probe-kinds/kube-apiserver.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import { isStranger } from "../connection/certificate.ts";
import { overSockets, requestProber, type HttpProberPorts, type SocketPorts } from "../http/http-prober.ts";
import { interestIn } from "../http/response/response-reader.ts";
import { mapOutcomes } from "../mapped-probe.ts";
import type { Prober } from "../prober.ts";
import { KubeIdentity } from "./kube-identity.ts";
import { readyzJudge } from "./readyz.ts";

/** Probes API servers of Kubernetes by their own account of themselves. */
export function createKubeApiserverProber(options: KubeApiserverProbeOptions, ports: SocketPorts): Prober {
  const identity = options.kubeconfig === undefined ? undefined : new KubeIdentity(options.kubeconfig);
  return overSockets(options, { ...ports, ...(identity && { material: () => identity.material() }) }, (own) =>
    kubeApiserverProber(options, own, identity),
  );
}

/** The same over any connections; `identity`: of a kubeconfig. */
export function kubeApiserverProber(
  options: KubeApiserverProbeOptions,
  ports: HttpProberPorts,
  identity: KubeIdentity | undefined,
): Prober {
  const judging = { judge: readyzJudge(options), interest: interestIn({ body: true, fields: [] }) };
  const prober = requestProber(options, judging, ports, options.tokenFile === undefined ? identity : undefined);
  return { open: (target, suspect) => mapOutcomes(prober.open(target, suspect), judged) };
}

// --- internal ---

/** Addresses get reused: a server that another authority vouches for belongs to another cluster, and clients must not reach it. */
function judged(outcome: ProbeOutcome): ProbeOutcome {
  if (outcome.passed !== false || !isStranger(outcome.reason)) return outcome;
  return { ...outcome, reason: `another cluster answers: ${outcome.reason}`, atOnce: true };
}
