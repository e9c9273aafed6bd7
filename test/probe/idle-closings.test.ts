import { expect, test } from "bun:test";
import { acknowledgementOf, openTcpSocket, watchSilence } from "#native";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import { CHECK_PACE, CheckScheduler } from "../../src/probe/schedule/check-scheduler.ts";
import { createHttpProber } from "../../src/probe/http/http-prober.ts";
import { counting } from "./http/support/counting-server.ts";
import { eventually } from "./http/support/descriptors.ts";
import { OPTIONS } from "./http/support/probe.ts";

const SERVERS = 100;
const HOUR_MS = 3_600_000;

test("a hundred servers that close their idle connections at once are asked once more each, and none is out for it", async () => {
  const { server, connections, sockets } = counting("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {
    hostname: "0.0.0.0",
  });
  using _ = server;
  const scheduler = new CheckScheduler({
    clock: { now: () => performance.now(), setTimeout, clearTimeout: (timer) => clearTimeout(timer as Timer) },
    random: Math.random,
    ...CHECK_PACE,
  });
  const checksOf = scheduler.with(
    createHttpProber({ ...OPTIONS, sentinel: true }, { openTcpSocket, watchSilence, acknowledgementOf }),
  );
  const outcomes: ProbeOutcome[] = [];
  const checks = Array.from({ length: SERVERS }, (_, index) =>
    checksOf.add({ ...server.endpoint, address: `127.77.1.${index + 1}` }, HOUR_MS, (outcome) =>
      outcomes.push(outcome),
    ),
  );
  expect(await eventually(() => outcomes.length === SERVERS && sockets.size === SERVERS)).toBe(true);

  for (const socket of sockets) socket.end();
  expect(await eventually(() => outcomes.length === 2 * SERVERS && sockets.size === SERVERS)).toBe(true);
  expect(outcomes.filter(({ passed }) => passed !== true)).toEqual([]);
  // Over one new connection each, which is kept from then on.
  expect([server.requests.length, connections()]).toEqual([2 * SERVERS, 2 * SERVERS]);
  for (const check of checks) check.stop();
});
