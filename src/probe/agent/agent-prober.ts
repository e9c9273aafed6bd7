import type { AgentProbeOptions } from "../../config/probe-kinds/agent.ts";
import { askedFor } from "../../config/probe-kinds/target-rows.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { SocketPorts } from "../http/http-prober.ts";
import type { Probe, Prober } from "../prober.ts";
import { CONNECTING, overSockets, speechProber, tcpProber, type TcpProberPorts } from "../tcp/tcp-prober.ts";
import { AgentMemory, type AgentOutcome } from "./agent-memory.ts";
import { LineReader } from "./line-reader.ts";

/**
 * Probes by what an agent says. One that is not heard says nothing, and what it said before counts for a while; after that
 * the real server is as good as it takes connections.
 */
export function createAgentProber(options: AgentProbeOptions, ports: SocketPorts): Prober {
  return agentProber(options, overSockets({ tls: undefined }, ports));
}

/** The same over any connections. */
export function agentProber(options: AgentProbeOptions, ports: TcpProberPorts): Prober {
  const asking = speechProber({ ...options, tls: undefined }, ports, {
    send: Buffer.from(options.sendHex, "hex"),
    expects: () => new LineReader(),
    lingers: false,
  });
  const connecting = tcpProber(CONNECTING, ports);
  return {
    open: (target) => {
      const ignore = (): void => undefined;
      const probes = { agent: asking.open(askedFor(target, options), ignore), own: connecting.open(target, ignore) };
      return new AgentProbe(probes, options.staleAfterMs, ports.clock);
    },
  };
}

// --- internal ---

interface Probes {
  /** Passes with the agent's line as its reason. */
  readonly agent: Probe;
  readonly own: Probe;
}

class AgentProbe implements Probe {
  readonly #probes: Probes;
  readonly #clock: Pick<Clock, "now">;
  readonly #memory: AgentMemory;

  constructor(probes: Probes, staleAfterMs: number, clock: Pick<Clock, "now">) {
    this.#probes = probes;
    this.#clock = clock;
    this.#memory = new AgentMemory(staleAfterMs, clock.now());
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    this.#probes.agent.check((found) => {
      const { latencyMs } = found;
      const { isExpired, ...outcome } = this.#judge(found);
      if (isExpired === true) return this.#checkOwn(outcome.reason, tell);
      if (outcome.passed === undefined) return tell({ ...outcome, latencyMs });
      const timings = found.passed === undefined ? undefined : found.timings;
      tell({ ...outcome, latencyMs, ...(timings && { timings }) });
    });
  }

  close(): void {
    this.#probes.agent.close();
    this.#probes.own.close();
  }

  // --- internal ---

  #judge({ passed, reason }: ProbeOutcome): AgentOutcome {
    const nowMs = this.#clock.now();
    return passed === true ? this.#memory.heard(reason, nowMs) : this.#memory.unheard(reason, nowMs);
  }

  #checkOwn(expired: string, tell: (outcome: ProbeOutcome) => void): void {
    this.#probes.own.check((found) => {
      if (found.passed === undefined) return tell(found);
      tell({ ...found, reason: `${found.reason}; ${expired}`, expired });
    });
  }
}
