import { unknownStanding } from "../domain/standing.ts";
import type { ProbeOptions } from "../config/probe-kinds/probe-kinds.ts";
import { agentProber } from "../probe/agent/agent-prober.ts";
import type { EventLoopClock } from "../probe/clock.ts";
import { createExecProber } from "../probe/exec/exec-prober.ts";
import type { NewConnection } from "../probe/connection/connection.ts";
import { httpProber } from "../probe/http/http-prober.ts";
import { kubeApiserverProber } from "../probe/kube-apiserver/kube-apiserver-prober.ts";
import type { Prober } from "../probe/prober.ts";
import { tcpProber, tlsProber } from "../probe/tcp/tcp-prober.ts";
import type { ServerScript } from "./behaviour.ts";
import { scriptedPrograms } from "./scripted-programs.ts";

export interface ScriptedProberPorts {
  readonly newConnection: NewConnection;
  readonly scripts: ReadonlyMap<string, ServerScript>;
  /** For whom, as it is named to people. */
  readonly virtualServer: string;
  readonly clock: EventLoopClock;
}

/** The daemon's own prober of a kind, over scripted connections and programs. No file is read, and TLS is left out. */
export function scriptedProber(
  probe: ProbeOptions,
  { newConnection, scripts, virtualServer, clock }: ScriptedProberPorts,
): Prober {
  const ports = { newConnection, newTcpConnection: newConnection, clock };
  switch (probe.type) {
    case "http":
      return httpProber({ ...probe, tokenFile: undefined, basicAuthFile: undefined, headersFile: undefined }, ports);
    case "kube-apiserver":
      return kubeApiserverProber({ ...probe, tokenFile: undefined, headersFile: undefined }, ports, undefined);
    case "tcp":
      return tcpProber(probe, ports);
    case "tls":
      return tlsProber(probe, ports);
    case "agent": {
      // Of a scripted server, the agent is the server.
      const { askedPort: _, ...own } = probe;
      return agentProber(own, ports);
    }
    case "exec":
      return createExecProber(probe, {
        scripts: scriptedPrograms(probe, scripts, clock),
        virtualServer,
        standingOf: unknownStanding,
        clock,
      });
  }
}
