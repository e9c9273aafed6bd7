import { resolve } from "node:path";
import type { DryRunRequest } from "../../app/dry-run/dry-run.ts";
import type { ConfigSource } from "../../app/daemon.ts";
import { CARE_COMMAND_ROWS, DRY_RUN_OPTION_ROW } from "../../config/care-option-rows.ts";
import type { CareConfig } from "../../config/care-options.ts";
import { mergeGiven, OptionValues } from "../../config/option-values.ts";
import { CARE_ENVIRONMENT_PREFIXES, misspeltVariables, readEnvironment } from "../../config/read-environment.ts";
import { resolveCareOptions } from "../../config/resolve-care-options.ts";
import { resolveConfigCall } from "../../config/resolve-config-call.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseBoolean } from "../../config/value-parsers.ts";
import { countSteps } from "../../domain/dry-run.ts";
import { describeError } from "../../domain/errors.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { command, type Command } from "../command.ts";
import { exitNow } from "../exit.ts";
import { ownLines } from "../output.ts";
import { jitDelayMs, jitPolicy } from "../jit-policy.ts";
import { createBoundedSink, createLogger } from "../log/create-logger.ts";
import { Hangups, listenForStop } from "../stopping.ts";
import type { CommandUsage } from "../usage.ts";

/** `lvscare care`: the daemon, and its two short forms `--run-once` and `--clean`. */
export const careCommand = caringCommand(CARE_ENVIRONMENT_PREFIXES, {
  name: "care",
  about:
    "Checks the real servers behind a virtual server. One that fails its check takes no new connections from then on, is removed at " +
    "the next failed check, and comes back when it answers again. Ends on SIGTERM or SIGINT and leaves the rules in place.",
  synopsis: "--vs <IP:port> --rs <IP:port>... [flags] | --config <file>",
  examples: [
    {
      about: "three Kubernetes API servers behind one address on every node",
      command:
        "lvscare care --vs 10.103.97.12:6443 --rs 192.168.0.2:6443 --rs 192.168.0.3:6443 --rs 192.168.0.4:6443 --interval 5 --mode route",
    },
    {
      about: "plain HTTP servers, and every check in the log",
      command:
        "lvscare care --vs 169.254.0.1:80 --rs 127.0.0.1:8081,127.0.0.1:8082 --logger DEBG --health-schem http --health-path /",
    },
    { about: "several virtual servers, as a file has them", command: "lvscare care --config /etc/lvscare.yaml" },
    {
      about: "what it would do on this host (--config -: a draft for a running daemon)",
      command: "lvscare care --config /etc/lvscare.yaml --dry-run",
    },
    { about: "take it all away again", command: "lvscare care --vs 169.254.0.1:80 -C" },
  ],
  notes: [
    "Every flag can come from the environment: LVSCARE_HEALTH_PATH or CARE_HEALTH_PATH for --health-path. The command line wins over " +
      "both and LVSCARE_ over CARE_; an empty variable counts as not set.",
    "Durations are written like 500ms, 5s or 1m30s.",
  ],
});

/** A command that does what `care` does; its help and the variables it reads are its own. */
export function caringCommand(prefixes: readonly string[], usage: Omit<CommandUsage, "rows">): Command {
  return command(
    { ...usage, rows: CARE_COMMAND_ROWS },
    {
      async read(_, { given, problems }, { environment }): Promise<CareCall> {
        const all = mergeGiven(given, readEnvironment(environment, [DRY_RUN_OPTION_ROW], prefixes));
        const values = new OptionValues<"dry-run">([DRY_RUN_OPTION_ROW], all, problems);
        const isDry = values.read("dry-run", parseBoolean);
        const reading = { given, problems: values.problems };
        const call = resolveConfigCall(reading, environment, prefixes);
        if (call !== undefined) {
          const { loadConfigAgain, loadConfigFor } = await import("../../app/config-file.ts");
          const { locateAside } = await import("../../app/locate-aside.ts");
          if (call.path === STANDARD_INPUT && !isDry) throw new UsageError([ONCE]);
          const first = await loadConfigFor(call);
          const remarks = [...misspeltVariables(environment, CARE_COMMAND_ROWS, prefixes), ...first.remarks];
          return {
            ...call,
            ...first,
            remarks,
            isDry,
            source: { path: toldPath(call.path), first, read: () => loadConfigAgain(call, locateAside) },
          };
        }
        const options = resolveCareOptions(reading, environment, prefixes);
        const { probeFileProblems } = await import("../../app/file-problem.ts");
        const unreadable = options.clean || options.runOnce ? [] : probeFileProblems(options.probe);
        if (unreadable.length > 0) throw new UsageError(unreadable);
        const remarks = misspeltVariables(environment, CARE_COMMAND_ROWS, prefixes);
        const { runOnce, clean } = options;
        const config = { ...options, virtualServers: [options] };
        return { config, runOnce, clean, isDry, remarks };
      },
      async run({ config, remarks, source, isDry, ...how }, context) {
        if (isDry)
          return runDry(
            config,
            { ...how, file: fileOf(source), isDraft: source?.path === STANDARD_INPUT },
            remarks,
            context,
          );
        await context.neverBlock();
        const logger = createLogger(config.log, createBoundedSink(context.err, context.errColour));
        for (const remark of remarks) logger.warn(remark);
        using stop = listenForStop(() => exitNow(1));
        using hangups = source && new Hangups();
        setTimeout(() => Bun.unsafe.setJITPolicy(jitPolicy(config)), jitDelayMs(config)).unref();
        try {
          if (how.runOnce || how.clean) {
            const { careOnce } = await import("../../app/care-once.ts");
            await careOnce(config, { ...how, isFile: source !== undefined }, logger);
          } else {
            const { runDaemon } = await import("../../app/daemon.ts");
            const takeLog = logger.take.bind(logger);
            const onHangup = hangups?.listen.bind(hangups);
            await runDaemon(config, stop.signal, logger, {
              source: source && onHangup && { ...source, takeLog, onHangup },
            });
          }
          return 0;
        } catch (error) {
          // A program that reads the log must not stumble over its last line.
          if (config.log.format !== "json") throw error;
          logger.error(describeError(error));
          return 1;
        }
      },
    },
  );
}

// --- internal ---

interface CareCall {
  readonly config: CareConfig;
  readonly isDry: boolean;
  readonly runOnce: boolean;
  readonly clean: boolean;
  /** The files that it comes from, if it does. */
  readonly source?: Pick<ConfigSource, "path" | "first" | "read">;
  /** For the log, before anything is done. */
  readonly remarks: readonly string[];
}

const STANDARD_INPUT = "-";
const ONCE = "--config: standard input can be read only once, and so by --dry-run alone; name a file";

/** For whoever asks a daemon, wherever that is. */
function toldPath(path: string): string {
  return path === STANDARD_INPUT ? path : resolve(path);
}

/** No daemon has read standard input. */
function fileOf(source: CareCall["source"]): string | undefined {
  return source?.path === STANDARD_INPUT ? undefined : source?.path;
}

async function runDry(
  config: CareConfig,
  request: DryRunRequest,
  remarks: readonly string[],
  { out, err, outColour }: CliContext,
): Promise<number> {
  const { dryRun } = await import("../../app/dry-run/dry-run.ts");
  const { renderDryRun } = await import("../dry-run-text.ts");
  await err.remark(ownLines(remarks));
  const found = await dryRun(config, request);
  await out.write(renderDryRun(found, createPaint(outColour)));
  if (found.plans.some(({ isRefused }) => isRefused === true)) return 1;
  return countSteps(found).changes > 0 ? 2 : 0;
}
