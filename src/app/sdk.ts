import { camelCase } from "../config/camel-case.ts";
import { CARE_OPTION_ROWS, type CareFlag } from "../config/care-option-rows.ts";
import type { CareOptions } from "../config/care-options.ts";
import type { GivenOption } from "../config/option-row.ts";
import { resolveCareOptions } from "../config/resolve-care-options.ts";
import type { CareEvent } from "../domain/events.ts";
import { LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { EmbeddedRun, SILENT } from "./embedded-run.ts";

/** `health-path` as `healthPath`. */
type CamelCase<Text extends string> = Text extends `${infer Head}-${infer Rest}`
  ? `${Head}${Capitalize<CamelCase<Rest>>}`
  : Text;

/** What belongs to a program and not to a virtual server inside another one. */
const PROGRAM_FLAGS = ["run-once", "clean", "logger", "log-format"] as const satisfies readonly CareFlag[];
type ProgramFlag = (typeof PROGRAM_FLAGS)[number];

/**
 * The flags of `lvscare care` with their meanings, defaults and formats: `{ vs: "10.0.0.1:80", rs: ["10.0.0.2:80"],
 * fall: 3, interval: "500ms" }`.
 */
export type CareSettings = {
  readonly [Flag in Exclude<CareFlag, ProgramFlag | "vs" | "rs"> as CamelCase<Flag>]?:
    | string
    | number
    | boolean
    | readonly string[];
} & {
  /** The virtual server, `IP:port`. */
  readonly vs: string;
  /** The real servers, `IP:port` each. */
  readonly rs: readonly string[];
};

/** One virtual server, cared for inside this process. */
export interface Care {
  /**
   * Begins to care; resolves once the entries in the data plane are taken over. Rejects with the reason when it
   * cannot, such as ALREADY_RUNNING or NOT_PERMITTED, and then leaves nothing behind. Once only.
   */
  start(): Promise<void>;
  /** The present state. Rejects with NOT_RUNNING before `start` and after the end. */
  status(): Promise<VirtualServerStatus>;
  /** Calls back for every event; returns a function that ends that. A listener must not throw. */
  onEvent(listener: (event: CareEvent) => void): () => void;
  /** Ends within a second. With the kernel's data plane the virtual server stays as it is, and traffic with it. Idempotent. */
  stop(): Promise<void>;
  /** Settles when caring has ended: rejects with the failure that ended it, if one did. */
  readonly ended: Promise<void>;
}

/**
 * Prepares to care for a virtual server: checks the settings and touches nothing. Throws USAGE with everything that is wrong with
 * them. Without a logger nothing is written anywhere.
 */
export function createCare(settings: CareSettings, logger: Logger = SILENT): Care {
  return new EmbeddedCare(resolveCareOptions({ given: givenBy(settings), problems: [] }, {}), logger);
}

// --- internal ---

class EmbeddedCare implements Care {
  readonly #run = new EmbeddedRun();
  readonly #options: CareOptions;
  readonly #logger: Logger;
  readonly #listeners = new Set<(event: CareEvent) => void>();
  #status: (() => Promise<VirtualServerStatus>) | undefined;

  constructor(options: CareOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  get ended(): Promise<void> {
    return this.#run.ended;
  }

  start(): Promise<void> {
    return this.#run.start(async (stop, begun) => {
      // Not before it is needed: importing the SDK opens nothing.
      const { runDaemon } = await import("./daemon.ts");
      const observer = {
        running: (status: () => Promise<VirtualServerStatus>) => void (this.#status = status),
        event: (event: CareEvent) => {
          if (event.type === "virtualServer.adopted") begun();
          for (const listener of this.#listeners) listener(event);
        },
      };
      const config = { ...this.#options, virtualServers: [this.#options] };
      await runDaemon(config, stop, this.#logger, { observer }).finally(() => void (this.#status = undefined));
    });
  }

  async status(): Promise<VirtualServerStatus> {
    if (this.#status === undefined) throw new LvscareError("NOT_RUNNING", "nothing is cared for at the moment");
    return this.#status();
  }

  onEvent(listener: (event: CareEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stop(): Promise<void> {
    return this.#run.stop();
  }
}

function givenBy(settings: CareSettings): Map<string, GivenOption> {
  const values = new Map<string, unknown>(Object.entries(settings));
  const given = new Map<string, GivenOption>();
  for (const { flag } of CARE_OPTION_ROWS) {
    if (PROGRAM_FLAGS.some((one) => one === flag)) continue;
    const name = camelCase(flag);
    const value = values.get(name);
    values.delete(name);
    if (value === undefined) continue;
    given.set(flag, { source: name, texts: Array.isArray(value) ? value.map(String) : [String(value)] });
  }
  const [unknown] = values.keys();
  if (unknown !== undefined) throw new LvscareError("USAGE", `there is no setting ${unknown}`);
  return given;
}
