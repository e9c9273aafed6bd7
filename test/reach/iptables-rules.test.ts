import { expect, test } from "bun:test";
import { iptablesRules } from "../../src/reach/link/iptables-rules.ts";
import { Iptables } from "../../src/reach/link/iptables.ts";
import type { ProgramEnd } from "../../src/reach/link/run-program.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { FirewallRules } from "../../src/reach/link/firewall-rules.ts";

const OPTIONS = { service: { protocol: "tcp", endpoint: parseEndpoint("10.103.97.2:6443") }, bit: 14 } as const;
const COMMENT = '-m comment --comment "tcp 10.103.97.2:6443 bit 14"';
const JUMPS = [
  "-A PREROUTING -j LVSCARE-SERVICES",
  "-A OUTPUT -j LVSCARE-SERVICES",
  "-A POSTROUTING -j LVSCARE-POSTROUTING",
];

interface Faults {
  /** It is too old for this option. */
  readonly unknown?: string;
  readonly hasRestore?: boolean;
  /** Why it lists nothing. */
  readonly listless?: string;
}

/** The nat table of an iptables, and what was started for it. */
class FakeIptables {
  rules: string[] = [];
  readonly started: string[] = [];
  /** Done by another process before the next change. */
  meanwhile: (() => void) | undefined;
  readonly #chains = new Set(["PREROUTING", "OUTPUT", "POSTROUTING"]);
  readonly #faults: Faults;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
  }

  readonly run = (argv: readonly string[], input?: string): Promise<ProgramEnd | undefined> =>
    Promise.resolve(this.#start(argv, input));

  /** As it is to be after these lines, which fail together. */
  restore(lines: readonly string[]): ProgramEnd {
    const [rules, chains] = [[...this.rules], new Set(this.#chains)];
    for (const line of lines) {
      const [verb = "", chain = "", ...rest] = line.split(" ");
      const ended = this.#make(verb, chain, rest.join(" "));
      if (ended.exitCode === 0) continue;
      this.rules = rules;
      this.#chains.clear();
      for (const one of chains) this.#chains.add(one);
      return ended;
    }
    return end(0);
  }

  // --- internal ---

  #start([program = "", ...argv]: readonly string[], input = ""): ProgramEnd | undefined {
    if (program === "iptables-restore" && this.#faults.hasRestore !== false) {
      this.started.push("restore");
      expect(argv).toEqual(["--noflush", "-w", "5"]);
      const [head, ...lines] = input.trimEnd().split("\n");
      expect([head, lines.pop()]).toEqual(["*nat", "COMMIT"]);
      this.#others();
      return this.restore(lines);
    }
    if (program !== "iptables") return undefined;
    expect(argv.slice(0, 4)).toEqual(["-w", "5", "-t", "nat"]);
    const [verb = "", chain = "", ...words] = argv.slice(4);
    this.started.push(verb);
    if (verb === "-S" && this.#faults.listless !== undefined) return end(4, this.#faults.listless);
    if (verb === "-S") return { ...end(0), stdout: this.#listing() };
    this.#others();
    return this.#make(verb, chain, words.map((word) => (word.includes(" ") ? `"${word}"` : word)).join(" "));
  }

  #others(): void {
    const { meanwhile } = this;
    this.meanwhile = undefined;
    meanwhile?.();
  }

  #make(verb: string, chain: string, spec: string): ProgramEnd {
    const { unknown } = this.#faults;
    if (unknown !== undefined && spec.includes(unknown)) return end(2, `unknown option "${unknown}"`);
    if (verb === "-N") {
      if (this.#chains.has(chain)) return end(1, "Chain already exists.");
      this.#chains.add(chain);
      return end(0);
    }
    if (!this.#chains.has(chain)) return end(1, "No chain/target/match by that name.");
    const rule = `-A ${chain} ${spec}`;
    if (verb === "-A") this.rules.push(rule);
    const at = this.rules.indexOf(rule);
    if (verb === "-D" && at === -1) return end(1, "Bad rule");
    if (verb === "-D") this.rules.splice(at, 1);
    if (verb === "-X" && this.rules.some((one) => one.startsWith(`-A ${chain} `) || one.endsWith(` -j ${chain}`)))
      return end(1, "Directory not empty");
    if (verb === "-X") this.#chains.delete(chain);
    return end(0);
  }

  #listing(): string {
    const own = [...this.#chains].filter((chain) => chain.startsWith("LVSCARE-"));
    return ["-P PREROUTING ACCEPT", ...own.map((chain) => `-N ${chain}`), ...this.rules].join("\n");
  }
}

test("marks, masquerades and is taken back, with the ports chosen at random where iptables can", async () => {
  for (const [iptables, ending] of [
    [new FakeIptables(), " --random-fully"],
    [new FakeIptables({ hasRestore: false }), " --random-fully"],
    [new FakeIptables({ unknown: "--random-fully" }), ""],
  ] as const) {
    const rules = rulesOf(iptables);
    expect(await rules.inspect()).toBe("missing");
    for (const _time of ["first", "second"]) {
      await rules.establish();
      expect(iptables.rules).toEqual([
        ...JUMPS,
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
  await rulesOf(iptables, { ...OPTIONS, bit: 0 }).establish();
  const rules = rulesOf(iptables);
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
  const all = several(iptables, 3);
  const [one, two, three] = all;
  const standing = (): string[] => iptables.rules.filter((rule) => / -j LVSCARE-/.test(rule));
  await Promise.all([one?.establish(), two?.establish()]);
  expect(standing()).toEqual(JUMPS);
  await Promise.all([one?.remove(), two?.remove(), three?.establish()]);
  expect([standing(), await three?.inspect()]).toEqual([JUMPS, undefined]);
  await Promise.all([three?.remove(), one?.establish(), two?.establish()]);
  expect([standing().toSorted(), await one?.inspect(), await two?.inspect()]).toEqual([
    JUMPS.toSorted(),
    undefined,
    undefined,
  ]);
});

test("any number of virtual servers start one program to look, and two to change what is to be changed", async () => {
  const iptables = new FakeIptables();
  let nowMs = 0;
  const all = several(iptables, 20, () => nowMs);
  const startedBy = async (action: () => Promise<unknown>): Promise<readonly string[]> => {
    iptables.started.length = 0;
    await action();
    return [...iptables.started];
  };
  const inspected = (): Promise<(string | undefined)[]> => Promise.all(all.map((rules) => rules.inspect()));
  expect(await startedBy(inspected)).toEqual(["-S"]);
  expect(await startedBy(() => Promise.all(all.map((rules) => rules.establish())))).toEqual(["-S", "restore"]);
  // What was changed is looked at anew; then one listing serves for half a second, and no longer.
  expect(await startedBy(inspected)).toEqual(["-S"]);
  nowMs = 400;
  expect(await startedBy(inspected)).toEqual([]);
  iptables.rules.splice(10, 1);
  nowMs = 501;
  expect(new Set(await inspected())).toEqual(new Set([undefined, "is not as it should be"]));
  expect(await startedBy(() => Promise.all(all.map((rules) => rules.establish())))).toEqual(["-S", "restore"]);
  expect(new Set(await inspected())).toEqual(new Set([undefined]));
  expect(await startedBy(() => Promise.all(all.map((rules) => rules.remove())))).toEqual(["-S", "restore"]);
  expect(iptables.rules).toEqual([]);
  expect(await startedBy(() => Promise.all(all.map((rules) => rules.remove())))).toEqual(["-S"]);
});

test("leaves the rules of others alone, in chains of its own as well", async () => {
  const iptables = new FakeIptables();
  const theirs = ["-A PREROUTING -j KUBE-SERVICES", '-A POSTROUTING -m comment --comment "a \\"b\\" c" -j MASQUERADE'];
  iptables.rules.push(...theirs);
  const [one, two] = several(iptables, 2);
  await Promise.all([one?.establish(), two?.establish()]);
  const guest = "-A LVSCARE-SERVICES -j ACCEPT";
  iptables.rules.push(guest);
  await one?.remove();
  await two?.remove();
  expect(iptables.rules).toEqual([...theirs, ...JUMPS, guest]);
  iptables.rules = iptables.rules.filter((rule) => rule !== guest);
  expect(await one?.remove()).toBe(true);
  expect(iptables.rules).toEqual(theirs);
});

test("where another process changes the table meanwhile, looks again and makes its own change", async () => {
  const iptables = new FakeIptables();
  iptables.meanwhile = () => void iptables.restore(["-N LVSCARE-SERVICES", "-A PREROUTING -j LVSCARE-SERVICES"]);
  const [one, two] = several(iptables, 2);
  await Promise.all([one?.establish(), two?.establish()]);
  expect(iptables.rules.filter((rule) => / -j LVSCARE-/.test(rule))).toEqual(JUMPS);
  expect([await one?.inspect(), await two?.inspect()]).toEqual([undefined, undefined]);
});

test("tells why it was refused, or that there is no iptables; and there is nothing to take back then", async () => {
  const refusing = rulesOf(new FakeIptables({ unknown: "MARK" }));
  await expect(refusing.establish()).rejects.toMatchObject({
    code: "KERNEL_REFUSED",
    message: expect.stringContaining('unknown option "MARK"'),
    operation: expect.stringMatching(/^iptables -t nat -A LVSCARE-SERVICES /),
  });
  const blind = new FakeIptables({ listless: "Another app is currently holding the xtables lock" });
  await expect(rulesOf(blind).establish()).rejects.toMatchObject({ message: expect.stringContaining("xtables lock") });
  expect(await rulesOf(blind).remove()).toBe(false);
  expect(new Set(blind.started)).toEqual(new Set(["-S"]));
  const none = iptablesRules(OPTIONS, new Iptables("ipv4", undefined, () => Promise.resolve(undefined)));
  await expect(none.establish()).rejects.toMatchObject({ message: expect.stringContaining("has no iptables") });
  expect(await none.remove()).toBe(false);
});

// --- internal ---

function rulesOf(iptables: FakeIptables, options: Parameters<typeof iptablesRules>[0] = OPTIONS): FirewallRules {
  return iptablesRules(options, new Iptables("ipv4", undefined, iptables.run));
}

/** Virtual servers of one process. */
function several({ run }: FakeIptables, count: number, now?: () => number): readonly FirewallRules[] {
  const shared = new Iptables("ipv4", now, run);
  return Array.from({ length: count }, (_, index) =>
    iptablesRules(
      { service: { protocol: "tcp", endpoint: parseEndpoint(`10.103.97.2:${index + 1}`) }, bit: 14 },
      shared,
    ),
  );
}

function end(exitCode: number, stderr = ""): ProgramEnd {
  return { exitCode, stdout: "", stderr };
}
