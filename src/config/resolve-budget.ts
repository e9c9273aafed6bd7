import type { CheckBudget } from "./care-options.ts";
import type { OptionValues } from "./option-values.ts";
import { MOST_CONCURRENT_CHECKS, MOST_NODES, type CareFlag } from "./care-option-rows.ts";
import { parseInteger, refusal } from "./value-parsers.ts";

export function resolveBudget(values: OptionValues<CareFlag>): CheckBudget {
  const perSecond = values.readOptional("checks-per-server", parseRate);
  const nodes = values.readOptional("cluster-nodes", parseInteger(1, MOST_NODES));
  if (nodes !== undefined && perSecond === undefined && values.isMissing("checks-per-server"))
    values.refuse("cluster-nodes", "it divides --checks-per-server, which there is none of");
  return {
    mostAtOnce: values.read("max-concurrent-checks", parseInteger(1, MOST_CONCURRENT_CHECKS)),
    perServer:
      perSecond === undefined
        ? undefined
        : nodes === undefined
          ? { perSecond, nodes: 1, isCounted: true }
          : { perSecond, nodes },
  };
}

/** What another budget changes, a line each. */
export function budgetChanges(before: CheckBudget, after: CheckBudget): string[] {
  const [was, is] = [describeServerBudget(before), describeServerBudget(after)];
  return [
    ...(before.mostAtOnce === after.mostAtOnce
      ? []
      : [`max-concurrent-checks ${before.mostAtOnce} → ${after.mostAtOnce}`]),
    ...(was === is ? [] : [`checks-per-server ${was} → ${is}`]),
  ];
}

// --- internal ---

function describeServerBudget({ perServer }: CheckBudget): string {
  if (perServer === undefined) return "off";
  const { perSecond, nodes, isCounted } = perServer;
  if (isCounted === true) return `${perSecond}/s of all nodes`;
  return `${perSecond}/s of ${nodes} ${nodes === 1 ? "node" : "nodes"}`;
}

function parseRate(text: string): number {
  const [, digits] = /^(\d{1,6}(?:\.\d{1,3})?)\/s$/.exec(text) ?? [];
  const rate = Number(digits);
  if (digits === undefined || rate === 0) throw refusal(`"${text}" is no rate such as 50/s`);
  return rate;
}
