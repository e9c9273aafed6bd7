import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createCare, type Care, type CareEvent, type CareSettings } from "../../src/index.ts";

const cares: Care[] = [];
afterEach(() => Promise.all(cares.splice(0).map((care) => care.stop())));

describe("the SDK", () => {
  test("runs its example: cares, tells what happens, and ends", async () => {
    const example = join(import.meta.dir, "../../examples/embed-one.ts");
    const child = Bun.spawn([process.execPath, example, "127.77.0.5:18080"], { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = [await child.stdout.text(), await child.stderr.text()];
    expect([await child.exited, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").toSorted()).toEqual(
      [
        "",
        "",
        "answered by one",
        "draining → removed: connect refused",
        "healthy → draining: connect refused",
        "healthy removed",
        "recovering → healthy: status 200",
        "recovering → healthy: status 200",
      ].toSorted(),
    );
  });

  test("checks all settings before it touches anything", () => {
    const wrong = { ...SETTINGS, fall: 0, healthSchem: "ftp", rs: ["here:80"] };
    expect(() => createCare(wrong)).toThrow(
      expect.objectContaining({
        code: "USAGE",
        problems: [
          expect.stringContaining("rs:"),
          expect.stringContaining("fall:"),
          expect.stringContaining("healthSchem:"),
        ],
      }),
    );
    expect(() => createCare({ ...SETTINGS, fallen: 1 } as CareSettings)).toThrow("there is no setting fallen");
    // What belongs to a program.
    expect(() => createCare({ ...SETTINGS, runOnce: true } as CareSettings)).toThrow("there is no setting runOnce");
  });

  test("refuses a second one for the same virtual server, and can be started once", async () => {
    const first = newCare();
    const events: CareEvent["type"][] = [];
    first.onEvent(({ type }) => events.push(type));
    await first.start();
    expect(events).toContain("virtualServer.adopted");
    expect((await first.status()).address).toBe(SETTINGS.vs);
    await expect(newCare().start()).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    await expect(first.start()).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    await first.stop();
    await first.ended;
    await expect(first.status()).rejects.toMatchObject({ code: "NOT_RUNNING" });
    const second = newCare();
    await second.start();
  });

  test("can be stopped before it was started, and twice", async () => {
    const care = newCare();
    await care.stop();
    await care.stop();
    await care.ended;
    await expect(care.status()).rejects.toMatchObject({ code: "NOT_RUNNING" });
  });
});

// --- internal ---

const SETTINGS = { vs: "127.77.0.6:18080", rs: ["127.0.0.1:1"], dataPlane: "userspace", healthSchem: "http" } as const;

function newCare(): Care {
  const care = createCare(SETTINGS);
  cares.push(care);
  return care;
}
