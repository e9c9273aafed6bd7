import { expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { runLvscare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

test("lvscare sysctls makes the settings of link mode, and prints what sysctl takes", async () => {
  await using node = await Namespace.create();
  const set = async (): Promise<unknown> => {
    const { exitCode, stderr } = await runLvscare(node, ["sysctls", "--mode", "link", "--set"]);
    return [exitCode, stderr];
  };
  expect(await set()).toEqual([0, expect.stringContaining("lvscare: set sysctl net/ipv4/vs/conntrack=1 (is 0)\n")]);
  const needed = ["net.ipv4.vs.conntrack", "net.ipv4.ip_forward"];
  const read = (): Promise<string> => node.exec("sysctl", "-n", ...needed);
  expect(await read()).toBe("1\n1\n");
  expect(await set()).toEqual([0, "lvscare: all settings are as they should be\n"]);

  await node.exec("sysctl", "-w", ...needed.map((name) => `${name}=0`));
  const { stdout } = await runLvscare(node, ["sysctls", "--mode", "link"]);
  await node.exec("sh", "-c", 'printf %s "$1" | sysctl -p -', "sh", stdout);
  expect(await read()).toBe("1\n1\n");
  expect(await set()).toEqual([0, "lvscare: all settings are as they should be\n"]);
});
