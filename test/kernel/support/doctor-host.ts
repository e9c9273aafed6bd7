import { expect } from "bun:test";
import type { DoctorReport, Finding } from "../../../src/domain/finding.ts";
import type { EchoServers } from "./echo-server.ts";
import { tableText } from "./ipvs-table.ts";
import { runLvscare } from "./lvscare.ts";
import type { Ended, Namespace } from "./namespace.ts";
import { NODE, SERVER6, SERVERS, startTwoHosts, VIP, VS } from "./two-hosts.ts";

export { NODE, SERVER6, SERVERS, VIP, VS };
export const KEY = `tcp ${VS}`;
const CHECKS = "--interval 1 --health-schem http --health-path /".split(" ");
export const CARE = ["--vs", VS, "--rs", SERVERS.join(","), "--ip", NODE, ...CHECKS];

/** A node whose virtual server has its real servers on another host: what tests of `lvscare doctor` stand on. */
export class DoctorHost implements AsyncDisposable {
  readonly node: Namespace;
  readonly other: Namespace;
  readonly echo: EchoServers;
  readonly #stack: AsyncDisposableStack;

  static async start(): Promise<DoctorHost> {
    await using stack = new AsyncDisposableStack();
    const { node, other, echo } = await startTwoHosts(stack);
    return new DoctorHost(node, other, echo, stack.move());
  }

  private constructor(node: Namespace, other: Namespace, echo: EchoServers, stack: AsyncDisposableStack) {
    [this.node, this.other, this.echo, this.#stack] = [node, other, echo, stack];
  }

  async care(...flags: readonly string[]): Promise<Ended> {
    const ended = await runLvscare(this.node, ["care", ...CARE, ...flags]);
    expect(ended.exitCode, ended.stderr).toBe(0);
    return ended;
  }

  async doctor(...flags: readonly string[]): Promise<{ report: DoctorReport; exitCode: number }> {
    const { stdout, stderr, exitCode } = await runLvscare(this.node, ["doctor", "-o", "json", ...flags]);
    expect(stderr).toBe("");
    return { report: JSON.parse(stdout) as DoctorReport, exitCode };
  }

  /** Types the first command that a finding names. */
  async typeRemedy(finding: Finding | undefined): Promise<void> {
    const [, command = ""] = /`([^`]+)`/.exec(finding?.remedy ?? "") ?? [];
    await this.node.exec(...command.split(" "));
  }

  /** Takes away what stands, and the routes to it. */
  async reset(): Promise<void> {
    if (tableText(this.node) !== "") await this.node.exec("ipvsadm", "-C");
    for (const family of ["-4", "-6"]) await this.node.run(["ip", family, "route", "flush", "proto", "76"]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

export function problems({ findings }: DoctorReport): readonly Finding[] {
  return findings.filter(({ state }) => state === "problem");
}

export function about({ findings }: DoctorReport, check: string): readonly Finding[] {
  return findings.filter((finding) => finding.check === check);
}
