import type { ProbeOptions, ProbeType } from "../config/probe-kinds/probe-kinds.ts";
import { createHttpProber, type SocketPorts } from "./http/http-prober.ts";
import { createKubeApiserverProber } from "./kube-apiserver/kube-apiserver-prober.ts";
import type { Prober } from "./prober.ts";
import { createTcpProber, createTlsProber } from "./tcp/tcp-prober.ts";

/** The prober of options of any kind, over the kernel's sockets. */
export function createProber(options: ProbeOptions, ports: SocketPorts): Prober {
  return open(options, ports);
}

// --- internal ---

type Open<Options> = (options: Options, ports: SocketPorts) => Prober;

/** By kind: the compiler wants one for each of `PROBE_KINDS`. */
const PROBERS: { readonly [Type in ProbeType]: Open<Extract<ProbeOptions, { type: Type }>> } = {
  http: createHttpProber,
  tcp: createTcpProber,
  tls: createTlsProber,
  "kube-apiserver": createKubeApiserverProber,
};

function open<Type extends ProbeType>(options: Extract<ProbeOptions, { type: Type }>, ports: SocketPorts): Prober {
  const create: Open<Extract<ProbeOptions, { type: Type }>> = PROBERS[options.type as Type];
  return create(options, ports);
}
