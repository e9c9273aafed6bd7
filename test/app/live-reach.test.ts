import { expect, test } from "bun:test";
import { LiveReach, type ReachWatching } from "../../src/app/live-reach.ts";
import { QuietWatch } from "../../src/dataplane/quiet-watch.ts";
import type { Logger } from "../../src/domain/logger.ts";
import type { HostObject } from "../../src/reach/host-object.ts";

const nothing = (): void => undefined;
const WATCHING: ReachWatching = {
  looks: new QuietWatch({ now: () => 0, setTimeout: () => undefined, clearTimeout: nothing }),
  everyMs: () => 1000,
};
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

test("what an earlier change retired and a later one wants again is not taken back", async () => {
  const host = new Set(["link"]);
  const [link, route] = [on(host, "link"), on(host, "route")];
  const reach = new LiveReach(reachOf(link), WATCHING, SILENT);
  // Both before there was time for a round.
  reach.change(reachOf(route), [link]);
  reach.change(reachOf(link), [route]);
  await reach.reconcile();
  expect([...host]).toEqual(["link"]);
});

test("what another configuration no longer has goes once the new one stands, and not before", async () => {
  const host = new Set(["link"]);
  let isBroken = true;
  const route = on(host, "route", () => {
    if (isBroken) throw new Error("no such gateway");
  });
  const reach = new LiveReach(reachOf(on(host, "link")), WATCHING, SILENT);
  reach.change(reachOf(route), [on(host, "link")]);
  await reach.reconcile();
  expect([...host]).toEqual(["link"]);
  isBroken = false;
  await reach.reconcile();
  expect([...host]).toEqual(["route"]);
});

test("what is wanted again while the rest is taken back stays", async () => {
  const host = new Set(["link", "rules"]);
  const reach = new LiveReach(reachOf(on(host, "link"), on(host, "rules")), WATCHING, SILENT);
  const again = (): void => reach.change(reachOf(on(host, "link"), on(host, "rules")), [on(host, "route")]);
  const link = { ...on(host, "link"), remove: async () => (again(), host.delete("link")) };
  reach.change(reachOf(on(host, "route")), [link, on(host, "rules")]);
  await reach.reconcile();
  expect([...host].toSorted()).toEqual(["route", "rules"]);
  expect(await reach.reconcile()).toMatchObject([{ outcome: "mended" }, { outcome: "stood" }]);
  expect([...host].toSorted()).toEqual(["link", "rules"]);
});

test("who takes all away can wait for what is being made", async () => {
  const host = new Set<string>();
  const made = Promise.withResolvers<void>();
  const reach = new LiveReach(reachOf(on(host, "link", () => made.promise)), WATCHING, SILENT);
  const round = reach.reconcile();
  let isSettled = false;
  const settled = reach.settled().then(() => (isSettled = true));
  await Promise.resolve();
  expect(isSettled).toBe(false);
  made.resolve();
  await settled;
  expect([...host]).toEqual(["link"]);
  await round;
});

// --- internal ---

function reachOf(...objects: readonly HostObject[]): ConstructorParameters<typeof LiveReach>[0] {
  return { objects, watch: () => nothing };
}

/** Stands when its name is in the set. */
function on(host: Set<string>, name: string, before: () => Promise<void> | void = nothing): HostObject {
  return {
    name,
    inspect: () => Promise.resolve(host.has(name) ? undefined : "missing"),
    establish: async () => {
      await before();
      host.add(name);
    },
    remove: () => Promise.resolve(host.delete(name)),
    isRemovable: () => Promise.resolve(host.has(name)),
  };
}
