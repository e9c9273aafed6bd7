import { expect, test } from "bun:test";
import { iptablesRules, type ProgramEnd } from "../../src/reach/link/iptables-rules.ts";
import { Turns } from "../../src/reach/link/turns.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";

const OPTIONS = { service: { protocol: "tcp", endpoint: parseEndpoint("10.103.97.2:6443") }, bit: 14 } as const;
const COMMENT = '-m comment --comment "tcp 10.103.97.2:6443 bit 14"';

/** The nat table of an iptables that may be too old for an option. */
class FakeIptables {
  readonly rules: string[] = [];
  readonly #chains = new Set(["PREROUTING", "OUTPUT", "POSTROUTING"]);
  readonly #unknown: string | undefined;

  constructor(unknown?: string) {
    this.#unknown = unknown;
  }

  readonly run = ([program = "", , , , , verb = "", chain = "", ...spec]: readonly string[]): Promise<
    ProgramEnd | undefined
  > => Promise.resolve(program === "iptables" ? this.#answer(verb, chain, spec) : undefined);

  #answer(verb: string, chain: string, words: readonly string[]): ProgramEnd {
    const spec = words.map((word) => (word.includes(" ") ? `"${word}"` : word)).join(" ");
    if (this.#unknown !== undefined && words.includes(this.#unknown))
      return ended(2, `unknown option "${this.#unknown}"`);
    if (verb !== "-N" && !this.#chains.has(chain)) return ended(1, "No chain/target/match by that name.");
    const rule = `-A ${chain} ${spec}`;
    const at = this.rules.indexOf(rule);
    if (verb === "-N") this.#chains.add(chain);
    if (verb === "-X") this.#chains.delete(chain);
    if (verb === "-A") this.rules.push(rule);
    if (verb === "-D" && at !== -1) this.rules.splice(at, 1);
    if ((verb === "-C" || verb === "-D") && at === -1) return ended(1, "Bad rule");
    return { ...ended(0, ""), stdout: this.rules.filter((line) => line.startsWith(`-A ${chain} `)).join("\n") };
  }
}

test("marks, masquerades and is taken back, with the ports chosen at random where iptables can", async () => {
  for (const [iptables, ending] of [
    [new FakeIptables(), " --random-fully"],
    [new FakeIptables("--random-fully"), ""],
  ] as const) {
    const rules = iptablesRules(OPTIONS, new Turns(), iptables.run);
    expect(await rules.inspect()).toBe("missing");
    for (const _time of ["first", "second"]) {
      await rules.establish();
      expect(iptables.rules).toEqual([
        "-A PREROUTING -j LVSCARE-SERVICES",
        "-A OUTPUT -j LVSCARE-SERVICES",
        "-A POSTROUTING -j LVSCARE-POSTROUTING",
        `-A LVSCARE-SERVICES -p tcp -d 10.103.97.2/32 -m tcp --dport 6443 ${COMMENT} -j MARK --set-xmark 0x4000/0x4000`,
        `-A LVSCARE-POSTROUTING -m mark --mark 0x4000/0x4000 ${COMMENT} -j MASQUERADE${ending}`,
      ]);
      expect(await rules.inspect()).toBeUndefined();
    }
    expect(await rules.remove()).toBe(true);
    expect(iptables.rules).toEqual([]);
    expect(await rules.remove()).toBe(false);
  }
});

test("replaces rules of another bit, and puts back one that is gone, without a moment of none", async () => {
  const iptables = new FakeIptables();
  await iptablesRules({ ...OPTIONS, bit: 0 }, new Turns(), iptables.run).establish();
  const rules = iptablesRules(OPTIONS, new Turns(), iptables.run);
  expect(await rules.inspect()).toBe("is not as it should be");
  await rules.establish();
  const wanted = iptables.rules.toSorted();
  expect(wanted.join("\n")).not.toContain("0x1/");
  for (const index of [0, 3, 4]) {
    iptables.rules.splice(index, 1);
    expect(await rules.inspect()).toBe("is not as it should be");
    await rules.establish();
    expect(iptables.rules.toSorted()).toEqual(wanted);
  }
});

test("two virtual servers at once share chains and jumps, also while a third takes its rules away", async () => {
  const iptables = new FakeIptables();
  const turns = new Turns();
  const at = (port: number) =>
    iptablesRules(
      { service: { protocol: "tcp", endpoint: parseEndpoint(`10.103.97.2:${port}`) }, bit: 14 },
      turns,
      iptables.run,
    );
  const all = [at(1), at(2), at(3)] as const;
  const jumps = [
    "-A PREROUTING -j LVSCARE-SERVICES",
    "-A OUTPUT -j LVSCARE-SERVICES",
    "-A POSTROUTING -j LVSCARE-POSTROUTING",
  ];
  const standing = (): string[] => iptables.rules.filter((rule) => / -j LVSCARE-/.test(rule));
  await Promise.all([all[0].establish(), all[1].establish()]);
  expect(standing()).toEqual(jumps);
  await Promise.all([all[0].remove(), all[1].remove(), all[2].establish()]);
  expect([standing(), await all[2].inspect()]).toEqual([jumps, undefined]);
  await Promise.all([all[2].remove(), all[0].establish(), all[1].establish()]);
  expect([standing(), await all[0].inspect(), await all[1].inspect()]).toEqual([jumps, undefined, undefined]);
});

// --- internal ---

function ended(exitCode: number, stderr: string): ProgramEnd {
  return { exitCode, stdout: "", stderr };
}
