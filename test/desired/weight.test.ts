import { expect, test } from "bun:test";
import { atWeights, type MemberState } from "../../src/desired/member.ts";
import { placementOf } from "../../src/desired/weight.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { realServer } from "../../src/domain/virtual-server.ts";

const NAME = "10.0.0.1:80";
const SINCE = "2026-11-25T10:00:00.000Z";
const DRAINED = { since: SINCE, drained: true };
const WEIGHED = { since: SINCE, drained: false, weight: 7 };

test.each<
  [string, Partial<MemberState>, { retained?: true; draining?: true; unanswered?: true }, number | "leaving" | "absent"]
>([
  ["its health: healthy", { state: "healthy" }, {}, 5],
  ["its health: draining", { state: "draining" }, {}, 0],
  ["its health: removed", { state: "removed" }, {}, "absent"],
  ["its health: recovering", { state: "recovering" }, {}, "absent"],
  ["its health: it climbs, and a started tenth counts", { state: "recovering", share: 0.3 }, {}, 2],
  ["what it owes its clients, where health has it gone", { state: "removed" }, { draining: true }, "leaving"],
  ["its health, where that drains it as well", { state: "draining" }, { draining: true }, 0],
  ["fail-open, whatever its health", { state: "removed" }, { retained: true }, 5],
  ["fail-open, though it drained after an earlier one", { state: "removed" }, { retained: true, draining: true }, 5],
  ["an operator's weight instead of the configured one", { state: "healthy", hold: WEIGHED }, {}, 7],
  ["its health, and the operator's weight by that", { state: "recovering", share: 0.5, hold: WEIGHED }, {}, 4],
  ["its health, which an operator's weight does not bring back", { state: "removed", hold: WEIGHED }, {}, "absent"],
  ["fail-open, at the operator's weight", { state: "draining", hold: WEIGHED }, { retained: true }, 7],
  ["its check's advice instead of the configured weight", { state: "healthy", advice: { weight: 9 } }, {}, 9],
  ["its check's advice, which may be none", { state: "healthy", advice: { weight: 0 } }, {}, 0],
  ["its check's advice, a part of which is never nothing", { state: "healthy", advice: { percent: 1 } }, {}, 1],
  ["its check's advice, by the configured weight", { state: "healthy", advice: { percent: 50 } }, {}, 3],
  ["an operator's weight before a check's advice", { state: "healthy", hold: WEIGHED, advice: { weight: 9 } }, {}, 7],
  ["an agent's drain before health", { state: "healthy", asked: { hold: "drain" } }, {}, 0],
  ["an agent's drain before fail-open", { state: "removed", asked: { hold: "maintenance" } }, { retained: true }, 0],
  [
    "an operator's weight before an agent's drain",
    { state: "healthy", hold: WEIGHED, asked: { hold: "drain" } },
    {},
    7,
  ],
  ["an operator's drain before an agent's readiness", { state: "healthy", hold: DRAINED, asked: {} }, {}, 0],
  [
    "its check's advice, which is never more than a kernel's scheduler bears",
    { state: "healthy", advice: { percent: 2_000_000 } },
    {},
    65_535,
  ],
  ["its health, and the advice by that", { state: "recovering", share: 0.5, advice: { weight: 9 } }, {}, 5],
  ["its clients' missing answers before health", { state: "healthy" }, { unanswered: true }, 0],
  ["fail-open, whatever its clients get", { state: "healthy" }, { retained: true, unanswered: true }, 5],
  ["an operator's drain before health", { state: "healthy", hold: DRAINED }, {}, 0],
  ["an operator's drain before fail-open", { state: "removed", hold: DRAINED }, { retained: true }, 0],
  ["its health, which an operator's drain does not bring back", { state: "removed", hold: DRAINED }, {}, "absent"],
  ["the configuration's drain before health", { state: "healthy", isDrainedByConfiguration: true }, {}, 0],
  [
    "the configuration's drain, whatever weight an operator asked for",
    { state: "healthy", hold: WEIGHED, isDrainedByConfiguration: true },
    {},
    0,
  ],
  [
    "its health, which the configuration's drain does not bring back",
    { state: "recovering", isDrainedByConfiguration: true },
    {},
    "absent",
  ],
  [
    "what it owes its clients, also under an operator's drain",
    { state: "removed", hold: DRAINED },
    { draining: true },
    "leaving",
  ],
])("who decides: %s", (_, member, { retained, draining, unanswered }, expected) => {
  const placement = placementOf(
    {
      name: NAME,
      ...atWeights(realServer(parseEndpoint(NAME), 5)),
      state: "healthy",
      evidence: "passed",
      history: "proven",
      share: 0,
      hold: undefined,
      isDrainedByConfiguration: false,
      isLeaving: false,
      ...member,
    },
    {
      retained: new Set(retained ? [NAME] : []),
      draining: new Set(draining ? [NAME] : []),
      unanswered: new Set(unanswered ? [NAME] : []),
    },
  );
  expect(typeof placement === "string" ? placement : placement.weight).toBe(expected);
});

test("an agent's limit of connections goes with the weight", () => {
  const server = { ...realServer(parseEndpoint(NAME), 5), upperThreshold: 40, lowerThreshold: 30 };
  const member: MemberState = {
    name: NAME,
    ...atWeights(server),
    state: "healthy",
    evidence: "passed",
    history: "proven",
    share: 0,
    hold: undefined,
    isDrainedByConfiguration: false,
    isLeaving: false,
    asked: { limit: 20 },
  };
  const overlay = { retained: new Set<string>(), draining: new Set<string>(), unanswered: new Set<string>() };
  expect(placementOf(member, overlay)).toEqual({ ...server, upperThreshold: 20, lowerThreshold: 20 });
  expect(placementOf({ ...member, asked: { limit: 40 } }, overlay)).toBe(server);
});
