import { expect, test } from "bun:test";
import { resolve } from "node:path";

const file = resolve(import.meta.dir, "../../src/app/local-time.ts");

/** What a process with this TZ says of noon in UTC: ours, and by the runtime's own fields. */
async function noon(zone: string | undefined): Promise<unknown> {
  const program = `
    const { localTime } = await import(${JSON.stringify(file)});
    const at = new Date(Date.UTC(2026, 6, 15, 12, 30, 15));
    const local = new Date(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate(), at.getHours(), at.getMinutes(), 15));
    process.stdout.write(JSON.stringify([localTime(at), local]));
  `;
  await using child = Bun.spawn([process.execPath, "-e", program], {
    env: { ...process.env, TZ: zone },
    stdout: "pipe",
  });
  return await child.stdout.json();
}

test("the local time is that of the zone that TZ names", async () => {
  expect(await noon("Asia/Kathmandu")).toEqual(["2026-07-15T18:15:15.000Z", "2026-07-15T18:15:15.000Z"]);
});

test("without TZ it is that of the host", async () => {
  const [ours, runtimes] = (await noon(undefined)) as [string, string];
  expect(ours).toBe(runtimes);
});
