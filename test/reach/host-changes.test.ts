import { expect, test } from "bun:test";
import { existsSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { HostChanges } from "../../src/reach/host-changes.ts";

test("a descriptor that the runtime does not take is closed, since another one is opened every second", () => {
  const changes = new HostChanges({
    // A regular file cannot be polled.
    openDescriptor: () => openSync(import.meta.path, "r"),
  });
  const end = changes.watch({ address: { family: "ipv4", address: "10.103.97.12" }, folders: [] }, () => undefined);
  end();
  // The descriptor that lists the others is among them, and gone by now.
  const open = readdirSync("/proc/self/fd")
    .map((fd) => `/proc/self/fd/${fd}`)
    .filter((fd) => existsSync(fd));
  expect(open.map((fd) => readlinkSync(fd))).not.toContain(import.meta.path);
});
