import { describe, expect, test } from "bun:test";
import { answering } from "../probe/http/support/raw-server.ts";
import { ALIVE, CareProgram } from "./care-program.ts";
import { refusal } from "./run-program.ts";

/** The variables of the Go program's `lvscare care`, row by row, at the real entry. What we do otherwise says so in its name. */

const SERVERS = { CARE_VS: "192.0.2.1:80", CARE_RS: "192.0.2.2:80,192.0.2.3:80" };
describe("variables as the Go program reads them", () => {
  test.concurrent("satisfy what is required", async () => {
    expect(await refusal(["care"], {})).toEqual(['required flag(s) "vs" not set', 'required flag(s) "rs" not set']);
    expect(await refusal(["care", "--mode=x"], SERVERS)).toEqual(['--mode: "x" is not one of route, link, none']);
  });

  test.concurrent("are named like the flag, in capitals and with _ for -", async () => {
    const environment = { CARE_HEALTH_PATH: "/from-environment", CARE_HEALTH_REQ_METHOD: "POST" };
    expect(await firstRequest([], environment)).toStartWith("POST /from-environment HTTP/1.1\r\n");
  });

  test.concurrent("yield to the command line, lists too", async () => {
    const environment = { CARE_HEALTH_PATH: "/from-environment", CARE_HEALTH_REQ_HEADERS: "X-From=environment" };
    const flags = ["--health-path=/from-flag", "--health-req-headers=X-To=server"];
    const request = await firstRequest(flags, environment);
    expect(request).toStartWith("GET /from-flag HTTP/1.1\r\n");
    expect(request).toContain("X-To: server\r\n");
    expect(request).not.toContain("X-From");
  });

  test.concurrent("count as not set when empty", async () => {
    expect(await firstRequest([], { CARE_HEALTH_PATH: "" })).toStartWith("GET /healthz HTTP/1.1\r\n");
  });
});

describe("variables, otherwise than the Go program, which", () => {
  test.concurrent("ignores a bad value without a word", async () => {
    expect(await refusal(["care"], { ...SERVERS, CARE_INTERVAL: "soon", CARE_RUN_ONCE: "yes" })).toEqual([
      'CARE_INTERVAL: "soon" is not an interval; write whole seconds like 5 or a duration like 1.5s',
      'CARE_RUN_ONCE: "yes" is neither true nor false',
    ]);
  });

  test.concurrent("reads CARE_LOGGER too late", async () => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint, { environment: { CARE_LOGGER: "DEBG" } });
    expect(await care.waitForLog(/ DEBUG probe of /)).toMatch(/ passed in \S+ \(.*\): status 200$/);
  });

  test.concurrent("reads CARE_ alone: LVSCARE_ wins over it", async () => {
    const environment = { CARE_HEALTH_PATH: "/care", LVSCARE_HEALTH_PATH: "/lvscare" };
    expect(await firstRequest([], environment)).toStartWith("GET /lvscare HTTP/1.1\r\n");
  });

  test.concurrent("writes LVSCARE_NODE_IP into static pods and reads it nowhere", async () => {
    expect(await refusal(["care"], { ...SERVERS, LVSCARE_NODE_IP: "node1" })).toEqual([
      'LVSCARE_NODE_IP: "node1" is not an IP address',
    ]);
  });

  test.concurrent("has more flags with ENABLE_KLOG_FLAGS", async () => {
    const lines = await refusal(["care", "--logtostderr", "--v=5"], { ...SERVERS, ENABLE_KLOG_FLAGS: "true" });
    expect(lines[0]).toBe("unknown flag --logtostderr");
  });

  test.concurrent("says nothing of a variable that is none", async () => {
    const misspelt = "CARE_HEALTH_SCHEME is not read; did you mean CARE_HEALTH_SCHEM?";
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint, { environment: { CARE_HEALTH_SCHEME: "http" } });
    expect(await care.waitForLog(/ WARN /)).toEndWith(misspelt);
    expect(await refusal(["care"], { CARE_VIP: "192.0.2.1:80", CARE_RS: "192.0.2.2:80" })).toEqual([
      'required flag(s) "vs" not set',
      "CARE_VIP is not read; did you mean CARE_VS?",
    ]);
    expect(await refusal(["care"], { ...SERVERS, CARE_MODE: "x", CARE_HEALTH_SCHEME: "http" })).toEqual([
      'CARE_MODE: "x" is not one of route, link, none',
      misspelt,
    ]);
  });
});

// --- internal ---

async function firstRequest(flags: readonly string[], environment: Record<string, string>): Promise<string> {
  using server = answering(ALIVE);
  await using care = new CareProgram(server.endpoint, { flags, environment });
  await care.firstVerdict();
  return server.requests[0] ?? "";
}
