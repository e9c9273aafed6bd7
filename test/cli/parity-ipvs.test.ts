import { expect, test } from "bun:test";
import { answering } from "../probe/http/support/raw-server.ts";
import { ALIVE, CareProgram } from "./care-program.ts";
import { refusal, runProgram } from "./run-program.ts";

/** The Go program's `sealctl ipvs`, at the real entry; what it does to a kernel is in test/kernel/one-shot.test.ts. */

test("has the flags of care, all of them and no other", async () => {
  const [care, ipvs] = await Promise.all(["care", "ipvs"].map(flagsInHelp));
  expect(ipvs).toEqual(care ?? []);
  expect(care).toContain("--health-schem");
});

test.concurrent.each([
  [
    "what sealos runs before a join",
    "--vs 192.0.2.1:6443 --rs 192.0.2.2:6443 --rs 192.0.2.3:6443 --health-path /healthz --health-schem https --run-once",
  ],
  ["what sealos runs at a reset, without --ip", "--vs 192.0.2.1:6443 -C"],
])("takes %s", async (_, line) => {
  const argv = ["ipvs", ...line.split(" "), "--log-format=xml"];
  expect(await refusal(argv)).toEqual(['--log-format: "xml" is not one of text, json']);
});

test.concurrent("reads IPVS_ and LVSCARE_ variables, and not those of care", async () => {
  using server = answering(ALIVE);
  await using care = new CareProgram(server.endpoint, {
    command: "ipvs",
    environment: {
      CARE_HEALTH_PATH: "/care",
      IPVS_HEALTH_PATH: "/ipvs",
      IPVS_HEALTH_REQ_METHOD: "PUT",
      LVSCARE_HEALTH_REQ_METHOD: "POST",
    },
  });
  await care.firstVerdict();
  expect(server.requests[0]).toStartWith("POST /ipvs HTTP/1.1\r\n");
});

test.concurrent("names its own variable when the value is bad", async () => {
  const environment = {
    CARE_VS: "nonsense",
    IPVS_VS: "192.0.2.1:80",
    IPVS_RS: "192.0.2.2:80",
    IPVS_INTERVAL: "soon",
  };
  expect(await refusal(["ipvs"], environment)).toEqual([
    'IPVS_INTERVAL: "soon" is not an interval; write whole seconds like 5 or a duration like 1.5s',
  ]);
});

test.concurrent("takes its log level from --logger, where sealctl takes it from --debug alone", async () => {
  using server = answering(ALIVE);
  await using care = new CareProgram(server.endpoint, { command: "ipvs", flags: ["--logger", "DEBG"] });
  expect(await care.waitForLog(/ DEBUG probe of /)).toMatch(/ passed in \S+ \(.*\): status 200$/);
  expect(await refusal(["ipvs", "--vs", "192.0.2.1:6443", "-C", "--debug"])).toEqual([
    "unknown flag --debug; did you mean --logger?",
  ]);
});

// --- internal ---

async function flagsInHelp(command: string): Promise<string[]> {
  const { stdout } = await runProgram([command, "--help"]);
  const [flags = ""] = stdout.split("\nExamples:");
  return [...flags.matchAll(/^ {2}(?:-\w, | {4})(--[\w-]+)/gm)].map(([, flag = ""]) => flag);
}
