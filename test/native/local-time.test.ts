import { expect, test } from "bun:test";
import { resolve } from "node:path";

const fixture = resolve(import.meta.dir, "local-time-fixture.ts");

const WINTER = Date.UTC(2026, 0, 15, 12);
const SUMMER = Date.UTC(2026, 6, 15, 12);

test.each([
  ["UTC", 0, 0],
  ["Europe/Berlin", 3600, 7200],
  ["America/St_Johns", -12_600, -9000],
  ["Asia/Kathmandu", 20_700, 20_700],
])("the C library tells the local time of %s as the runtime does", async (zone, winter, summer) => {
  await using child = Bun.spawn([process.execPath, fixture, `${WINTER}`, `${SUMMER}`, `${WINTER + 0.5}`], {
    env: { ...process.env, TZ: zone },
    stdout: "pipe",
  });
  expect(await child.stdout.json()).toEqual([
    [winter, winter],
    [summer, summer],
    [winter, winter],
  ]);
});
