import { expect, test } from "bun:test";
import { CheckOutcomes } from "../../src/app/check-outcomes.ts";

test("what was found of a real server is forgotten once it is neither listed nor in service any more", () => {
  const outcomes = new CheckOutcomes({
    now: () => 0,
    events: { emit: () => undefined },
    certificates: { note: () => undefined },
    impossible: () => undefined,
  });
  const servers = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  const checks = [{ name: "agent", state: "up" as const }];
  for (const server of servers) {
    outcomes.note(server, { passed: true, reason: "up", latencyMs: 1, checks, expired: "agent" });
    outcomes.note(server, { passed: undefined, reason: "no descriptors", latencyMs: 1, checks });
  }
  const [listed = "", staying = "", gone = ""] = servers;
  outcomes.keepOnly(new Set([listed]), new Set([staying]));
  const { verdicts, lacking, checks: parts } = outcomes.last;
  for (const found of [verdicts, lacking, parts]) expect([...found.keys()]).toEqual([listed, staying]);
  expect(servers.map((server) => outcomes.agentsOf(server).isUnheard)).toEqual([true, true, false]);
  expect(outcomes.agentsOf(gone).parts).toEqual([]);
});
