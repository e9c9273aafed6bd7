import type { AgentProbeOptions } from "../config/probe-kinds/agent.ts";
import type { ExecProbeOptions } from "../config/probe-kinds/exec.ts";
import type { KubeApiserverProbeOptions } from "../config/probe-kinds/kube-apiserver.ts";
import type { HealthCheckOptions } from "../config/combination.ts";
import type { ProbeOptions } from "../config/probe-kinds/probe-kinds.ts";
import type { TcpProbeOptions } from "../config/probe-kinds/tcp.ts";
import type { HttpProbeOptions } from "../config/care-options.ts";
import { LARGEST_AGENT_WEIGHT } from "../probe/agent/agent-line.ts";
import { statusPasses } from "../probe/http/judgement.ts";
import type { Answering, Behaviour, Saying } from "./behaviour.ts";

/** What a server says in words that its checks understand. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** How servers speak to one kind of check. */
export interface Voice {
  /** To a request; `isKept`: not the first of its connection. */
  answer(behaviour: Answering, isKept: boolean): Answer;
  /** What it says is sent as it is, and not in HTTP. */
  readonly isRaw: boolean;
  /** It answers before it is asked. */
  readonly speaksFirst: boolean;
  /** Whether a check that this is told would pass, and ask for clients, too. */
  isGood(behaviour: Answering): boolean;
  /** Why its servers cannot say so; undefined when they can. */
  problemOf(saying: Saying): string | undefined;
}

/** The words that fit a probe. */
export function voiceOf(probe: ProbeOptions): Voice {
  switch (probe.type) {
    case "http":
      return httpVoice(probe);
    case "kube-apiserver":
      return kubeVoice(probe);
    case "tcp":
      return tcpVoice(probe);
    case "tls":
      return { ...MUTE, isRaw: true, problemOf: () => "servers of type tls say nothing of themselves" };
    case "exec":
      return execVoice(probe);
    case "agent":
      return agentVoice(probe);
  }
}

/** The same of one of several checks: what it has no word for is none of its own, and its answer is as usual. */
export function ownVoiceOf(probe: ProbeOptions): Voice {
  const voice = voiceOf(probe);
  const own = (behaviour: Answering): Answering => {
    const { says, ...rest } = behaviour;
    return says === undefined || voice.problemOf(says) === undefined ? behaviour : rest;
  };
  return {
    ...voice,
    answer: (behaviour, isKept) => voice.answer(own(behaviour), isKept),
    isGood: (behaviour) => voice.isGood(own(behaviour)),
  };
}

/** Whether checks would pass that meet this behaviour, and ask for clients, too. */
export function isGood(behaviour: Behaviour, checks: HealthCheckOptions): boolean {
  if (checks.type !== "combination") return isGoodFor(behaviour, checks);
  return checks.members.filter(({ probe }) => isGoodFor(behaviour, probe)).length >= checks.atLeast;
}

// --- internal ---

function isGoodFor(behaviour: Behaviour, probe: ProbeOptions): boolean {
  return behaviour.kind === "answers" && ownVoiceOf(probe).isGood(behaviour) && behaviour.afterMs < probe.timeoutMs;
}

const MUTE: Voice = {
  answer: ({ status }) => ({ status, body: "" }),
  isRaw: false,
  speaksFirst: false,
  isGood: () => true,
  problemOf: () => undefined,
};

const NO_WEIGHT =
  "no check of this type asks for a weight: exec does, with exit-code: weight or output: json, and agent";

const NOT_SERVING = 503;

function httpVoice(probe: HttpProbeOptions): Voice {
  const [leaving] = probe.drainOn[0] ?? [];
  const statusOf = ({ status, says }: Answering): number => {
    if (says === undefined) return status;
    return says.kind === "leaving" ? (leaving ?? NOT_SERVING) : NOT_SERVING;
  };
  const drains = (status: number): boolean => probe.drainOn.some(([from, to]) => status >= from && status <= to);
  return {
    ...MUTE,
    answer: (behaviour, isKept) => ({
      status: isKept ? (behaviour.keptStatus ?? statusOf(behaviour)) : statusOf(behaviour),
      body: "",
    }),
    isGood: (behaviour) => statusPasses(statusOf(behaviour), probe) && !drains(statusOf(behaviour)),
    problemOf: ({ kind }) => {
      if (kind === "weight") return NO_WEIGHT;
      return kind === "leaving" && leaving === undefined
        ? "drain-on of the probe has to say by which status it does"
        : undefined;
    },
  };
}

function kubeVoice({ unauthorized }: KubeApiserverProbeOptions): Voice {
  const alive = [200, 429, ...(unauthorized === "alive" ? [401, 403] : [])];
  return {
    ...MUTE,
    answer: ({ says, status, keptStatus }, isKept) => {
      if (says === undefined) return { status: isKept ? (keptStatus ?? status) : status, body: "" };
      const failed = says.kind === "leaving" ? "shutdown" : "etcd";
      return { status: 500, body: `[+]ping ok\n[-]${failed} failed: reason withheld\nreadyz check failed\n` };
    },
    isGood: ({ says, status }) => says === undefined && alive.includes(status),
    problemOf: ({ kind }) => (kind === "weight" ? NO_WEIGHT : undefined),
  };
}

function tcpVoice({ expect, sendHex }: TcpProbeOptions): Voice {
  const expected = expect === undefined || expect.match === "regex" ? undefined : latin1Of(expect.hex);
  const say = ({ says }: Answering): string => (says === undefined ? (expected ?? "") : "-not serving\r\n");
  return {
    ...MUTE,
    answer: (behaviour) => ({ status: 0, body: say(behaviour) }),
    isRaw: true,
    speaksFirst: expected !== undefined && sendHex === "",
    isGood: ({ says }) => says === undefined,
    problemOf: ({ kind }) => {
      if (kind === "weight") return NO_WEIGHT;
      if (kind === "leaving") return "no server of type tcp says that it leaves";
      return expected === undefined ? "nobody hears it without contains, starts-with or hex in expect" : undefined;
    },
  };
}

function execVoice({ exitCode, output }: ExecProbeOptions): Voice {
  return {
    ...MUTE,
    isGood: ({ says, status }) =>
      status < 400 && says?.kind !== "notServing" && (says?.kind !== "weight" || says.weight > 0),
    problemOf: (saying) => {
      if (saying.kind === "leaving") return "a program asks for a weight of 0 instead: weighs 0";
      if (saying.kind !== "weight" || output === "json") return undefined;
      if (exitCode !== "weight") return NO_WEIGHT;
      return saying.weight > MOST_EXIT_WEIGHT ? `no exit code asks for more than ${MOST_EXIT_WEIGHT}` : undefined;
    },
  };
}

/** An agent at the server says it. */
function agentVoice({ sendHex }: AgentProbeOptions): Voice {
  const say = ({ says }: Answering): string => {
    if (says === undefined) return "up ready 100%";
    if (says.kind === "weight") return `up ready weight:${says.weight}`;
    return says.kind === "leaving" ? "drain" : "down";
  };
  return {
    ...MUTE,
    answer: (behaviour) => ({ status: 0, body: `${say(behaviour)}\r\n` }),
    isRaw: true,
    speaksFirst: sendHex === "",
    isGood: ({ says }) => says === undefined || (says.kind === "weight" && says.weight > 0),
    problemOf: (saying) =>
      saying.kind === "weight" && saying.weight > LARGEST_AGENT_WEIGHT
        ? `no agent asks for more than ${LARGEST_AGENT_WEIGHT}`
        : undefined,
  };
}

/** By exit code 255. */
const MOST_EXIT_WEIGHT = 253;

function latin1Of(hex: string): string {
  return Buffer.from(hex, "hex").toString("latin1");
}
