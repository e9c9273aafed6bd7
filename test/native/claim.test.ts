import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { waitFor } from "../kernel/support/wait-for.ts";
import { closeFd, libc } from "../../native/libc.ts";
import { unixAddress, unixStreamSocket } from "../../native/unix-socket.ts";
import { claimName, Patience, type Claim, type ClaimRefusal } from "#native";

const fixture = resolve(import.meta.dir, "claim-fixture.ts");

/** Names are the network namespace's, and other tests may be running in it. */
function unusedName(): string {
  return `test ${process.pid} ${crypto.randomUUID()}`;
}

function claimed(outcome: Claim | ClaimRefusal): Claim {
  if ("heldBy" in outcome) throw new Error(`held by ${JSON.stringify(outcome.heldBy)}`);
  return outcome;
}

test("a name has one holder, who is told to others, until it lets go", () => {
  const name = unusedName();
  const holder = claimed(claimName(name));
  expect(holder.name).toBe(name);
  expect(claimName(name)).toEqual({ heldBy: { pid: process.pid, uid: process.getuid?.() ?? -1 } });
  holder[Symbol.dispose]();
  holder[Symbol.dispose]();
  using again = claimed(claimName(name));
  expect(again.name).toBe(name);
});

test("other names stay free", () => {
  const name = unusedName();
  using _ = claimed(claimName(name));
  using other = claimed(claimName(`${name}2`));
  expect(other.name).toBe(`${name}2`);
});

test("another process is told apart, and its end frees the name", async () => {
  const name = unusedName();
  await using child = Bun.spawn([process.execPath, fixture, name], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("claimed\n");
  expect(claimName(name)).toEqual({ heldBy: { pid: child.pid, uid: process.getuid?.() ?? -1 } });
  child.kill("SIGKILL");
  await child.exited;
  using own = claimed(claimName(name));
  expect(own.name).toBe(name);
});

test("a name is free when its holder has let go, also where that has just started programs", async () => {
  const name = unusedName();
  for (let time = 0; time < 100; time++) {
    const holder = claimed(claimName(name));
    // Until it has become another program, a child has what its parent has.
    await using _child = Bun.spawn(["true"]);
    holder[Symbol.dispose]();
    // Other work may hold it up in just that moment, for longer than a daemon waits.
    using again = claimed(claimName(name, { patience: new Patience(30_000) }));
    expect(again.name).toBe(name);
  }
});

test("a name that somebody has who does not listen is not waited for again and again", () => {
  const name = unusedName();
  const patience = new Patience(10);
  using _ = boundOnly(name);
  for (let time = 0; time < 2; time++) expect(claimName(name, { patience })).toEqual({ heldBy: { pid: 0, uid: -1 } });
  expect(patience.wait()).toBe(false);
});

test("a refused claim leaves no descriptor open", () => {
  const name = unusedName();
  using _ = claimed(claimName(name));
  const before = socketCount();
  for (let attempt = 0; attempt < 20; attempt++) claimName(name);
  // Fewer is fine: sockets of earlier tests may only now be gone.
  expect(socketCount()).toBeLessThanOrEqual(before);
});

test("however often claims are refused, the holder is told again after a while", async () => {
  const name = unusedName();
  using _ = claimed(claimName(name, { clearQueueMs: 20 }));
  const self = { heldBy: { pid: process.pid, uid: process.getuid?.() ?? -1 } };
  let refusals = 0;
  while (Bun.deepEquals(claimName(name), self) && refusals < 5000) refusals++;
  expect(refusals).toBeLessThan(5000);
  await waitFor(
    () => claimName(name),
    (outcome) => Bun.deepEquals(outcome, self),
  );
});

test("a name of 99 bytes is possible, a longer one is refused by name of the error", () => {
  const longest = unusedName().padEnd(99, "x");
  using _ = claimed(claimName(longest));
  expect(() => claimName(`${longest}x`)).toThrow(
    expect.objectContaining({ code: "SOCKET_FAILED", errno: "ENAMETOOLONG" }),
  );
});

/** Has the name as a socket that does not listen. */
function boundOnly(name: string): Disposable {
  const address = unixAddress(`\0lvscare/${name}`);
  const fd = unixStreamSocket(name);
  expect(libc().bind(fd, address, address.byteLength)).toBe(0);
  return { [Symbol.dispose]: () => closeFd(fd) };
}

function socketCount(): number {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The descriptor with which the folder was read is gone by now.
      return "";
    }
  });
  return targets.filter((target) => target.startsWith("socket:")).length;
}
