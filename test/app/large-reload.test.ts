import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { FileDaemon } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);

test("a daemon that is asked to end in the midst of a reload to many virtual servers ends, and claims none of them any more", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-large-"));
  const environment = { XDG_RUNTIME_DIR: folder };
  const path = join(folder, "lvscare.json");
  await writeFile(path, configuration(1));
  await using daemon = new FileDaemon(path, environment);
  await daemon.logged(/caring for tcp 127\.77\.42\.1:18200/);
  await writeFile(path, configuration(800));
  daemon.signal("SIGHUP");
  await daemon.logged(/127\.77\.42\.100:18200/);
  expect(await daemon.stop()).toBe(0);
  const left = await readdir(runtimeDirectory(environment, process.getuid?.() ?? 0));
  expect(left.filter((name) => name.startsWith("tcp-127.77.4"))).toEqual([]);
  await rm(folder, { recursive: true });
});

// --- internal ---

function configuration(count: number): string {
  return JSON.stringify({
    version: 1,
    logger: "DEBG",
    defaults: { mode: "none", "check-way": false, "data-plane": "userspace", probe: { type: "tcp" } },
    "virtual-servers": Array.from({ length: count }, (_, index) => ({
      address: `127.77.${42 + Math.floor(index / 200)}.${1 + (index % 200)}:18200`,
      "real-servers": ["127.77.41.1:9"],
    })),
  });
}
