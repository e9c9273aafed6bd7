import type { ProbeOutcome } from "../domain/health.ts";
import { askedFor } from "../config/probe-kinds/target-rows.ts";
import type { ProbeOptions, ProbeType } from "../config/probe-kinds/probe-kinds.ts";
import { monotonicClock } from "./clock.ts";
import { createExecProber } from "./exec/exec-prober.ts";
import { Scripts } from "./exec/scripts.ts";
import { createHttpProber, type SocketPorts } from "./http/http-prober.ts";
import { createKubeApiserverProber } from "./kube-apiserver/kube-apiserver-prober.ts";
import { mapOutcomes } from "./mapped-probe.ts";
import type { Prober } from "./prober.ts";
import { createTcpProber, createTlsProber } from "./tcp/tcp-prober.ts";

export interface ProbePorts extends SocketPorts {
  /** Runs programs, for all checks of this process. */
  readonly scripts?: Scripts;
  /** For which virtual server, as it is named to people. */
  readonly virtualServer?: string;
}

/** The prober of options of any kind, over the kernel's sockets. */
export function createProber(options: ProbeOptions, ports: ProbePorts): Prober {
  const prober = open(options, ports);
  if (!("askedAddress" in options || "askedPort" in options)) return prober;
  return {
    open: (target, suspect) => mapOutcomes(prober.open(askedFor(target, options), suspect), ofAnother),
  };
}

// --- internal ---

/** That another port refuses says nothing of whether the real server can be reached. */
function ofAnother(outcome: ProbeOutcome): ProbeOutcome {
  if (outcome.passed !== false || outcome.unreachable !== true) return outcome;
  const { unreachable: _, ...rest } = outcome;
  return rest;
}

type Open<Options> = (options: Options, ports: ProbePorts) => Prober;

/** By kind: the compiler wants one for each of `PROBE_KINDS`. */
const PROBERS: { readonly [Type in ProbeType]: Open<Extract<ProbeOptions, { type: Type }>> } = {
  http: createHttpProber,
  tcp: createTcpProber,
  tls: createTlsProber,
  "kube-apiserver": createKubeApiserverProber,
  exec: (options, { scripts = new Scripts(), virtualServer = "", clock = monotonicClock }) =>
    createExecProber(options, { scripts, virtualServer, clock }),
};

function open<Type extends ProbeType>(options: Extract<ProbeOptions, { type: Type }>, ports: ProbePorts): Prober {
  const create: Open<Extract<ProbeOptions, { type: Type }>> = PROBERS[options.type as Type];
  return create(options, ports);
}
