import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import { askedFor } from "../config/probe-kinds/target-rows.ts";
import type { ProbeOptions, ProbeType } from "../config/probe-kinds/probe-kinds.ts";
import { monotonicClock } from "./clock.ts";
import { createAgentProber } from "./agent/agent-prober.ts";
import { createExecProber } from "./exec/exec-prober.ts";
import { Scripts } from "./exec/scripts.ts";
import { createHttpProber, type SocketPorts } from "./http/http-prober.ts";
import { createKubeApiserverProber } from "./kube-apiserver/kube-apiserver-prober.ts";
import { besideOwn, mapOutcomes } from "./mapped-probe.ts";
import type { Prober } from "./prober.ts";
import { unknownStanding } from "../domain/standing.ts";
import { CONNECTING, createTcpProber, createTlsProber } from "./tcp/tcp-prober.ts";

export interface ProbePorts extends SocketPorts {
  /** Runs programs, for all checks of this process. */
  readonly scripts?: Scripts;
  /** For which virtual server, as it is named to people. */
  readonly virtualServer?: string;
}

/** The prober of options of any kind, over the kernel's sockets. */
export function createProber(options: ProbeOptions, ports: ProbePorts): Prober {
  const origin = "origin" in options ? options.origin : undefined;
  const { openTcpSocket } = ports;
  const from: SocketPorts["openTcpSocket"] = (to, own) => openTcpSocket(to, { ...own, ...origin });
  const begun = origin === undefined ? ports : { ...ports, openTcpSocket: from };
  const prober = open(options, begun);
  const isElsewhere = "askedAddress" in options || "askedPort" in options;
  // An agent is elsewhere, and sees to all of that itself.
  if (options.type === "agent") return { ...prober, isBeside: true };
  if (options.type !== "exec" && !isElsewhere) return prober;
  const connecting = createTcpProber(CONNECTING, ports);
  return {
    isBeside: true,
    open: (target, suspect) => {
      const own = connecting.open(target, () => undefined);
      if (options.type === "exec") return besideOwn(prober.open(target, suspect), own);
      const asked = askedFor(target, options);
      const probe = mapOutcomes(prober.open(asked, suspect, target), (outcome) => at(asked, outcome));
      return besideOwn(probe, own);
    },
  };
}

// --- internal ---

/** Who failed is not the address that the real server has. */
function at(asked: Endpoint, outcome: ProbeOutcome): ProbeOutcome {
  return outcome.passed === true ? outcome : { ...outcome, reason: `${formatEndpoint(asked)}: ${outcome.reason}` };
}

type Open<Options> = (options: Options, ports: ProbePorts) => Prober;

/** By kind: the compiler wants one for each of `PROBE_KINDS`. */
const PROBERS: { readonly [Type in ProbeType]: Open<Extract<ProbeOptions, { type: Type }>> } = {
  http: createHttpProber,
  tcp: createTcpProber,
  tls: createTlsProber,
  "kube-apiserver": createKubeApiserverProber,
  agent: createAgentProber,
  exec: (
    options,
    { scripts = new Scripts(), virtualServer = "", standingOf = unknownStanding, clock = monotonicClock },
  ) => createExecProber(options, { scripts, virtualServer, standingOf, clock }),
};

function open<Type extends ProbeType>(options: Extract<ProbeOptions, { type: Type }>, ports: ProbePorts): Prober {
  const create: Open<Extract<ProbeOptions, { type: Type }>> = PROBERS[options.type as Type];
  return create(options, ports);
}
