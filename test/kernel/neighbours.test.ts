import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, tableWith } from "./support/care-flags.ts";
import { tableOf } from "./support/ipvs-table.ts";
import { runLvscare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const NEIGHBOURS = Array.from({ length: 12 }, (_, index) => `10.96.0.${index + 1}:80`);
const SERVER = "127.0.0.1:8081";

let namespace: Namespace;
beforeAll(async () => {
  namespace = await Namespace.create();
});
afterAll(() => namespace[Symbol.asyncDispose]());

test("started at once for twelve virtual servers, all come up and nothing else is left", async () => {
  // What comes up together in one round of luck does not in several.
  for (const _round of ["first", "second", "third"]) {
    const endings = await Promise.all(
      NEIGHBOURS.map((vs) => runLvscare(namespace, ["care", "--run-once", ...careFlags([SERVER], vs)])),
    );
    expect(endings.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    expect(tableOf(namespace)).toEqual(Object.assign({}, ...NEIGHBOURS.map((vs) => tableWith([SERVER], vs))));
    await namespace.exec("ipvsadm", "-C");
  }
});
