import { expect, test } from "bun:test";
import type { MachineGraph } from "../../src/app/machine.ts";
import { refusal, runProgram } from "./run-program.ts";

test("draws the health of a real server as the state chart has it", async () => {
  const { code, stdout } = await runProgram(["machine", "--format", "json"]);
  expect(code).toBe(0);
  const { states, transitions } = JSON.parse(stdout) as MachineGraph;
  expect(states.map(({ path }) => path).filter((path) => !path.includes("."))).toEqual([
    "starting",
    "healthy",
    "draining",
    "removed",
    "recovering",
  ]);
  expect(transitions).toContainEqual({ from: "draining", to: "removed", event: "probe.failed", guard: "isDrained" });
  expect(transitions).toContainEqual({ from: "removed", to: "recovering", event: "probe.passed" });
});

test("draws what may be asked of a virtual server in which state", async () => {
  const { stdout } = await runProgram(["machine", "virtual-server", "--format", "json"]);
  const { states } = JSON.parse(stdout) as MachineGraph;
  const tagged = states.filter(({ tags }) => tags.length > 0).map(({ path, tags }) => [path, tags]);
  expect(tagged).toEqual([
    ["adopting", ["adopting"]],
    ["serving.settled", ["betweenRounds"]],
    ["serving.resting", ["betweenRounds"]],
    ["serving.backingOff", ["betweenRounds"]],
  ]);
});

test.each(["real-server", "virtual-server", "reach", "daemon"])(
  "draws %s for documents and for Graphviz",
  async (name) => {
    const [mermaid, dot] = await Promise.all(
      ["mermaid", "dot"].map(async (format) => (await runProgram(["machine", name, "--format", format])).stdout),
    );
    expect(mermaid).toMatch(/^stateDiagram-v2\n {2}\[\*\] --> \w+\n/);
    expect(
      dot
        ?.split("\n")
        .slice(1, -2)
        .every((line) => line.endsWith(";")),
    ).toBe(true);
  },
);

test("names the machines that there are", async () => {
  expect(await refusal(["machine", "toaster"])).toEqual([
    'there is no machine "toaster"; there are real-server, virtual-server, reach, daemon',
  ]);
});
