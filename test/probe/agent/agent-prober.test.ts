import { describe, expect, test } from "bun:test";
import type { AgentProbeOptions } from "../../../src/config/probe-kinds/agent.ts";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import { monotonicClock } from "../../../src/probe/clock.ts";
import type { Probe } from "../../../src/probe/prober.ts";
import { openKind } from "../contract.ts";
import { answering, deserted } from "../http/support/raw-server.ts";

const OPTIONS: AgentProbeOptions = {
  type: "agent",
  sendHex: "",
  staleAfterMs: 20_000,
  timeoutMs: 60_000,
  connectTimeoutMs: 30_000,
};

/** An agent that says what the test tells it to, at once or once it was sent something. */
class Agent implements Disposable {
  says = "up\n";
  heard = "";
  readonly #listener: Bun.TCPSocketListener<undefined>;

  constructor({ waits = false } = {}) {
    const say = (socket: Bun.Socket<undefined>): void => void socket.end(this.says);
    this.#listener = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => (waits ? undefined : say(socket)),
        data: (socket, bytes) => {
          this.heard += bytes.toString();
          if (waits) say(socket);
        },
        error: () => undefined,
      },
    });
  }

  get endpoint(): Endpoint {
    return { family: "ipv4", address: "127.0.0.1", port: this.#listener.port };
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

/** Checks of a real server by an agent, in a time that passes as the test says. */
function checks(agent: Endpoint, realServer: Endpoint, options: Partial<AgentProbeOptions> = {}) {
  let passedMs = 0;
  const clock = { ...monotonicClock, now: () => monotonicClock.now() + passedMs };
  const asked = { askedAddress: agent, askedPort: agent.port };
  const probe: Probe = openKind({ ...OPTIONS, ...asked, ...options }, realServer, { clock });
  return {
    check: () => new Promise<ProbeOutcome>((resolve) => probe.check(resolve)),
    wait: (ms: number) => void (passedMs += ms),
    [Symbol.dispose]: () => probe.close(),
  };
}

describe("an agent", () => {
  test("decides at once, and what it does not name stays as it said before", async () => {
    using agent = new Agent();
    using server = answering("");
    using checked = checks(agent.endpoint, server.endpoint);
    const said = async (line: string): Promise<ProbeOutcome> => {
      agent.says = line;
      return checked.check();
    };
    expect(await said("up 50%\n")).toMatchObject({
      passed: true,
      atOnce: true,
      reason: "up, 50%",
      advice: { percent: 50 },
    });
    expect(await said("up\r\n")).toMatchObject({ passed: true, advice: { percent: 50 } });
    expect(await said("drain\n")).toMatchObject({ passed: true, asked: { hold: "drain" }, advice: { percent: 50 } });
    expect(await said("down #disk full\n")).toMatchObject({
      passed: false,
      atOnce: true,
      decided: true,
      reason: "down (disk full)",
      asked: { hold: "drain" },
    });
    expect(await said("maint maxconn:30\n")).toMatchObject({
      passed: false,
      asked: { hold: "maintenance", limit: 30 },
    });
    const ready = await said("up ready weight:9\nand more");
    expect(ready).toMatchObject({ passed: true, asked: { limit: 30 }, advice: { weight: 9 } });
    expect(ready).not.toHaveProperty("asked.hold");
    expect(await said("fast 10%\n")).toMatchObject({
      passed: true,
      reason: '10%; and "fast", which means nothing',
      advice: { percent: 10 },
    });
  });

  test.each([
    ["maxconn:1", "at most 1 connection"],
    ["maxconn:30", "at most 30 connections"],
    ["maxconn:0", "any number of connections"],
  ])("that says %s is understood as %s", async (says, reason) => {
    using agent = new Agent();
    agent.says = `${says}\n`;
    using probe = checks(agent.endpoint, agent.endpoint);
    expect(await probe.check()).toMatchObject({ passed: true, reason });
  });

  test("gets what it is to be sent", async () => {
    using agent = new Agent({ waits: true });
    using checked = checks(agent.endpoint, agent.endpoint, { sendHex: Buffer.from("web1\n").toString("hex") });
    expect(await checked.check()).toMatchObject({ passed: true });
    expect(agent.heard).toBe("web1\n");
  });

  test.each([
    ["up", "closed; its line has no end"],
    ["", "closed; it said nothing"],
    ["\n", "it said nothing"],
    ["# tired\n", 'it said "tired", which means nothing'],
    ["weight:300\n", 'it said "weight:300", which means nothing: a weight is 256 at most'],
    ["perhaps\n", 'it said "perhaps", which means nothing'],
    ["x".repeat(1025), "its line is longer than 1024 bytes"],
  ])("that says %j says nothing", async (line, why) => {
    using agent = new Agent();
    agent.says = line;
    using checked = checks(agent.endpoint, agent.endpoint);
    const outcome = await checked.check();
    expect(outcome).toMatchObject({ passed: undefined, reason: `the agent was not heard: ${why}` });
  });

  test("that is not heard any more counts until that is stale, and then whether its server takes connections", async () => {
    using server = answering("");
    using agent = new Agent();
    agent.says = "down drain 10%\n";
    using checked = checks(agent.endpoint, server.endpoint);
    expect(await checked.check()).toMatchObject({ passed: false });
    agent.says = "";
    checked.wait(15_000);
    expect(await checked.check()).toMatchObject({ passed: undefined });
    checked.wait(6000);
    const expired = await checked.check();
    expect(expired).toMatchObject({
      passed: true,
      reason: "connected; the agent was not heard for 21s: closed; it said nothing",
      expired: "the agent was not heard for 21s: closed; it said nothing",
    });
    expect(expired).not.toHaveProperty("asked");
    expect(expired).not.toHaveProperty("advice");
    agent.says = "up\n";
    // What it asked for before that is forgotten.
    const heard = await checked.check();
    expect(heard).toMatchObject({ passed: true, reason: "up" });
    expect([heard].map((one) => ["asked" in one, "advice" in one, "expired" in one])).toEqual([[false, false, false]]);
  });

  test("that is not heard any more, at a server that is gone: it cannot be reached", async () => {
    using checked = checks(deserted(), deserted(), { staleAfterMs: 1000 });
    expect(await checked.check()).toMatchObject({ passed: undefined });
    checked.wait(1000);
    expect(await checked.check()).toMatchObject({ passed: false, unreachable: true, expired: expect.any(String) });
  });
});
