import { expect, test } from "bun:test";
import { withExpiredAgents } from "../../src/app/expired-agents.ts";
import type { CombinationOptions } from "../../src/config/combination.ts";
import type { AgentProbeOptions } from "../../src/config/probe-kinds/agent.ts";
import { PLAIN_HEALTH_POLICY } from "../../src/domain/health-policy.ts";

const agent: AgentProbeOptions = {
  type: "agent",
  timeoutMs: 1000,
  connectTimeoutMs: 1000,
  sendHex: "",
  staleAfterMs: 20_000,
};

test("an agent that is not heard any more is not waited for again, and any other one is", () => {
  expect(withExpiredAgents(agent, { isUnheard: false, parts: [] })).toBe(agent);
  expect(withExpiredAgents(agent, { isUnheard: true, parts: [] })).toEqual({ ...agent, staleAfterMs: 0 });
  const members = ["one", "other"].map((name) => ({ name, probe: agent, pace: PLAIN_HEALTH_POLICY }));
  const all: CombinationOptions = { type: "combination", atLeast: 2, members };
  const parts = [
    { name: "one", state: "up" },
    { name: "other", state: "expired" },
  ] as const;
  expect(withExpiredAgents(all, { isUnheard: true, parts })).toMatchObject({
    members: [{ probe: { staleAfterMs: 20_000 } }, { probe: { staleAfterMs: 0 } }],
  });
});
