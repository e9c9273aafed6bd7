import { randomInt } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { untilAtRest } from "../support/processor-time.ts";
import { connectTo, eventually, type Peer } from "../dataplane/userspace/tcp-peers.ts";

/** An address of this run's own: another run beside it listens at the same port. */
const AT = { family: "ipv4", address: `127.77.${randomInt(256)}.${randomInt(1, 255)}`, port: 18_080 } as const;

test("who has no descriptors left waits for some, and does not ask for clients all the time", async () => {
  await installMissingPackages([{ name: "util-linux", file: "/usr/bin/prlimit" }]);
  const argv = ["prlimit", "--nofile=64:64", process.execPath, join(import.meta.dir, "pausable-listener-fixture.ts")];
  const child = Bun.spawn([...argv, AT.address, String(AT.port)], { stdin: "pipe", stdout: "pipe" });
  const clients: Peer[] = [];
  try {
    child.stdin.write("begin\n");
    await child.stdin.flush();
    const { done } = await child.stdout.getReader().read();
    expect(done, "the program ended before it listened").toBe(false);
    for (let count = 0; count < 80; count++) clients.push(await connectTo(AT));
    const isServed = ({ text }: Peer): boolean => text === "!";
    await eventually(() => clients.filter(isServed).length > 20);
    await untilAtRest(child.pid);
    expect(clients.every(isServed)).toBe(false);

    for (const { socket } of clients.filter(isServed)) socket.terminate();
    const waiting = clients.filter((client) => !isServed(client));
    await eventually(() => waiting.every(isServed));
  } finally {
    for (const { socket } of clients) socket.terminate();
    child.kill();
    await child.exited;
  }
}, 60_000);
