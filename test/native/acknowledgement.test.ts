import { expect, test } from "bun:test";
import { acknowledgementOf, closeFd, openTcpSocket } from "#native";
import { blackHole } from "../probe/http/support/black-hole.ts";
import { eventually } from "../probe/http/support/descriptors.ts";
import { answering } from "../probe/http/support/raw-server.ts";

test("a peer's kernel acknowledges what its process does not answer, and a host that drops packets nothing", async () => {
  using mute = answering("");
  const toMute = openTcpSocket(mute.endpoint);
  expect(await eventually(() => (acknowledgementOf(toMute)?.roundTripMs ?? 0) > 0)).toBe(true);
  expect(await eventually(() => acknowledgementOf(toMute)?.isOutstanding === false)).toBe(true);
  expect(acknowledgementOf(toMute)?.roundTripMs).toBeLessThan(1000);

  using hole = await blackHole();
  const toHole = openTcpSocket(hole.endpoint);
  expect(acknowledgementOf(toHole)).toMatchObject({ isOutstanding: true });

  closeFd(toMute);
  closeFd(toHole);
  expect(acknowledgementOf(-1)).toBeUndefined();
});
