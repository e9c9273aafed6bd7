import { tableText } from "./ipvs-table.ts";
import type { Namespace } from "./namespace.ts";

/** Addresses and routes of both families, by one program: starting them is what takes time in a lab. */
export async function network(namespace: Namespace): Promise<string> {
  const child = namespace.spawn(["ip", "-batch", "-"]);
  child.stdin.write("address\nroute show table all\n");
  void child.stdin.end();
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`ip -batch: exit code ${exitCode}\n${stderr}`);
  return stdout;
}

/** With what IPVS has, which cleaning up must leave as it was, too. */
export async function networkAndTable(namespace: Namespace): Promise<string> {
  // Whether there is a heading tells only whether IPVS is loaded.
  const [, , , ...lines] = tableText(namespace).trimEnd().split("\n");
  // Not how many connections there are: those of a check, or of clients, come and go.
  const table = lines.map((line) => line.replace(/^( +-> .*?) +\d+ +\d+ *$/, "$1"));
  return [await network(namespace), ...table].join("\n");
}
