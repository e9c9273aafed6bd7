import { describe, expect, test } from "bun:test";
import type { HttpProbeOptions } from "../../src/config/care-options.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import { httpProber } from "../../src/probe/http/http-prober.ts";
import { ServerScript } from "../../src/simulation/behaviour.ts";
import { ProcessClock } from "../../src/simulation/process-clock.ts";
import { ProcessSockets } from "../../src/simulation/process-sockets.ts";
import { readEvent } from "../../src/simulation/read-event.ts";
import { ScriptedServer } from "../../src/simulation/scripted-server.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";
import { voiceOf } from "../../src/simulation/voice.ts";
import { OPTIONS } from "../probe/http/support/probe.ts";

const UP_IN = { passed: true, reason: "status 200" } as const;
const UP = expect.objectContaining(UP_IN);

describe("the HTTP prober over scripted connections", () => {
  test("finds a server that answers, over a connection that it keeps from then on", async () => {
    const world = new World();
    const fresh = { ...UP_IN, latencyMs: 2.5, timings: { connectMs: 0.5, firstByteMs: 2 } };
    // The second shows that the server serves others while one is kept.
    expect([await world.check(), await world.check()]).toEqual([fresh, fresh]);
    expect(await world.check()).toEqual({ ...UP_IN, latencyMs: 2, timings: { firstByteMs: 2 } });
  });

  test.each([
    ["refuses", "connect refused", 0.5, true],
    ["hangs", "timed out after 5s", 5000.5, false],
    ["vanishes", "connect timed out after 3s", 3000, true],
    ["answers 500 in 100ms", "status 500", 100.5, false],
    ["answers in 6s", "timed out after 5s", 5000.5, false],
    ["answers 100", "timed out after 5s", 5000.5, false],
    ["answers for 100ms, refuses for 1h", "connect refused", 0.5, true],
  ])("of a server that %s it says: %s", async (behaviour, reason, latencyMs, isUnreachable) => {
    const world = new World(`0ms ${behaviour}`);
    if (behaviour.includes(",")) await world.pass(100);
    const outcome = await world.check();
    expect(outcome).toMatchObject({ passed: false, reason, latencyMs });
    expect("unreachable" in outcome).toBe(isUnreachable);
  });

  test.each([
    ["refuses", "connect refused", 10_000.5],
    // The kernel asks the silent host twice, and one dial is enough then.
    ["vanishes", "answers nothing any more", 11_002.5],
  ])("suspects a server at once whose kept connection ends because it %s", async (behaviour, reason, suspectedMs) => {
    const world = new World(`10s ${behaviour}`);
    expect(await world.check()).toEqual(UP);
    await world.pass(15_000);
    expect(world.suspects).toEqual([suspectedMs]);
    expect(await world.check()).toMatchObject({ passed: false, reason, unreachable: true });
  });

  test("hears the reset of a server that goes away while it is to answer", async () => {
    const world = new World("0ms hangs", "1s refuses");
    expect(await world.check()).toMatchObject({ passed: false, reason: "connect refused", latencyMs: 1001 });
  });

  test("gets an answer late from a server that comes to its senses, or into reach, in time", async () => {
    for (const behaviour of ["hangs", "vanishes"]) {
      const world = new World(`0ms ${behaviour}`, "2100ms answers");
      const { passed, latencyMs } = await world.check();
      expect(passed).toBe(true);
      // The fourth dial's SYN is repeated just then.
      expect(latencyMs).toBe(behaviour === "hangs" ? 2102 : 2127.5);
    }
  });

  test("believes that a packet was lost as long as another gets through", async () => {
    const world = new World("10s vanishes", "10100ms answers");
    for (let n = 0; n < 2; n++) expect(await world.check()).toEqual(UP);
    await world.passUntil(10_050);
    expect(await world.check()).toMatchObject({ passed: true, latencyMs: 52 });
    expect(world.suspects).toEqual([]);
  });

  test("hears what came while its process was held up before it finds that time is over", async () => {
    const world = new World("0ms answers in 1s");
    const outcome = world.check();
    await world.passUntil(1);
    world.process.stall(8000);
    expect(await outcome).toMatchObject({ passed: true, latencyMs: 8001 });
  });

  test("of a half-open connection it hears nothing, and finds the server well over a new one", async () => {
    const world = new World("10s answers half-open");
    expect(await world.check()).toEqual(UP);
    await world.passUntil(20_000);
    expect(world.suspects).toEqual([11_002.5]);
    expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 2.5 });
    await world.pass(60_000);
    expect(world.suspects).toHaveLength(1);
  });

  test("over which it asks before it hears of that, it asks once more as soon as nothing is acknowledged", async () => {
    const world = new World("10s answers half-open");
    for (let n = 0; n < 2; n++) expect(await world.check()).toEqual(UP);
    await world.passUntil(10_000);
    expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 54.5 });
  });

  test("asks over a new connection, too, where the kept one lingers, and takes what comes first", async () => {
    const world = new World("10s answers in 3s");
    for (let n = 0; n < 2; n++) expect(await world.check()).toEqual(UP);
    await world.passUntil(10_000);
    expect(await world.check()).toEqual({ ...UP_IN, latencyMs: 3000, timings: { firstByteMs: 3000 } });
  });

  test("asks a server once more over a new connection that answers otherwise over the kept one", async () => {
    const world = new World("0ms answers kept 503");
    for (let n = 0; n < 2; n++) expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 2.5 });
    for (let n = 0; n < 2; n++) expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 4.5 });
    // Seen twice, and believed.
    for (let n = 0; n < 9; n++) expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 2.5 });
  });

  test("gives the new connection the time that the server took before", async () => {
    const world = new World("0ms answers in 1100ms kept 503");
    for (let n = 0; n < 2; n++) expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 1100.5 });
    expect(await world.check()).toMatchObject({ ...UP_IN, latencyMs: 2200.5 });
  });

  test("lets go of the kept connection where a server serves one at a time, and keeps none after the second time", async () => {
    const world = new World("0ms answers one-at-a-time");
    const latencies: number[] = [];
    for (let n = 0; n < 5; n++) latencies.push((await world.check()).latencyMs);
    expect(latencies).toEqual([2.5, 1502, 1502, 2.5, 2.5]);
  });

  test("learns when a server closes what is idle, and asks before that", async () => {
    const world = new World("0ms answers closes-idle 4s");
    for (let n = 0; n < 2; n++) {
      expect(await world.check()).toEqual(UP);
      await world.pass(5000);
    }
    expect(world.suspects).toEqual([4003, 9005.5]);
    expect(await world.check()).toEqual(UP);
    expect(world.renewWithinMs).toBeCloseTo(3200, -1);
  });

  test("waits for the last byte of an answer that trickles", async () => {
    const world = new World("0ms answers over 2s");
    expect(await world.check()).toEqual({
      ...UP_IN,
      latencyMs: 2000.5,
      timings: { connectMs: 0.5, firstByteMs: 0 },
    });
  });

  test("of a process that is killed nothing stays behind", async () => {
    const world = new World();
    expect(await world.check()).toEqual(UP);
    world.process.kill();
    world.sockets.closeAll();
    await world.pass(60_000);
    expect([world.suspects, world.clock.armed]).toEqual([[], 0]);
  });
});

// --- internal ---

const TARGET = parseEndpoint("10.0.0.1:80");

/** One server and one process that checks it. */
class World {
  readonly clock = new VirtualClock();
  readonly process = new ProcessClock(this.clock);
  readonly sockets: ProcessSockets;
  readonly suspects: number[] = [];
  readonly #probe;

  constructor(...events: readonly string[]) {
    const changes = events.map((text) =>
      readEvent(`${text.split(" ")[0]} 10.0.0.1:80 ${text.split(" ").slice(1).join(" ")}`),
    );
    const script = new ServerScript(changes.filter((event) => event.kind === "server"));
    const options: HttpProbeOptions = { ...OPTIONS, timeoutMs: 5000, connectTimeoutMs: 3000, sentinel: true };
    const servers = new Map([["10.0.0.1:80", new ScriptedServer(script, voiceOf(options), this.clock)]]);
    this.sockets = new ProcessSockets(servers, this.clock, this.process);
    const { newConnection } = this.sockets;
    const prober = httpProber(options, { newConnection, newTcpConnection: newConnection, clock: this.process });
    this.#probe = prober.open(TARGET, () => this.suspects.push(this.clock.now()));
  }

  async check(): Promise<ProbeOutcome> {
    const outcomes: ProbeOutcome[] = [];
    this.#probe.check((outcome) => outcomes.push(outcome));
    for (;;) {
      const [outcome] = outcomes;
      if (outcome !== undefined) return outcome;
      await this.clock.advance(0.5);
    }
  }

  get renewWithinMs(): number | undefined {
    return this.#probe.renewWithinMs;
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  passUntil(atMs: number): Promise<void> {
    return this.pass(atMs - this.clock.now());
  }
}
