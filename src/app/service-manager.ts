export interface ServiceManagerPorts {
  /** Of the process: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID (sd_notify(3), sd_watchdog_enabled(3)). */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly send: (socket: string, text: string) => boolean;
  /** Microseconds of CLOCK_MONOTONIC, by which systemd orders what it is told (sd_notify(3), MONOTONIC_USEC). */
  readonly monotonicUs: () => number;
}

/** What a daemon reports to systemd, where systemd asks for it. */
export interface ServiceManager {
  ready(): void;
  stopping(): void;
  /** It reads its configuration again; `reloaded` tells that this is over. Both are for `Type=notify-reload`. */
  reloading(): void;
  reloaded(): void;
  /** Ends the heartbeat. Idempotent. */
  close(): void;
}

/**
 * Tells systemd when the virtual servers are cared for and commands find the daemon (READY), that the event loop is alive (WATCHDOG, at half the
 * allowed time) and that the end has begun (STOPPING). Does nothing without systemd.
 */
export function serviceManager({ environment, pid, send, monotonicUs }: ServiceManagerPorts): ServiceManager {
  const socket = environment["NOTIFY_SOCKET"];
  if (socket === undefined || !/^[/@]./.test(socket)) return NONE;
  const watchdogMs = watchdogInterval(environment, pid);
  const beat = watchdogMs === undefined ? undefined : setInterval(() => send(socket, "WATCHDOG=1"), watchdogMs / 2);
  // It must not keep a process alive that has nothing else to do.
  beat?.unref();
  return {
    ready: () => void send(socket, "READY=1"),
    stopping: () => void send(socket, "STOPPING=1"),
    reloading: () => void send(socket, `RELOADING=1\nMONOTONIC_USEC=${monotonicUs()}`),
    reloaded: () => void send(socket, "READY=1"),
    close: () => clearInterval(beat),
  };
}

// --- internal ---

const NONE: ServiceManager = {
  ready: () => undefined,
  stopping: () => undefined,
  reloading: () => undefined,
  reloaded: () => undefined,
  close: () => undefined,
};

/** Milliseconds within which systemd expects a sign of life; undefined when it expects none from this process. */
function watchdogInterval(environment: ServiceManagerPorts["environment"], pid: number): number | undefined {
  const { WATCHDOG_USEC: microseconds = "", WATCHDOG_PID: whose = String(pid) } = environment;
  if (!/^[1-9]\d*$/.test(microseconds) || whose !== String(pid)) return undefined;
  return Number(microseconds) / 1000;
}
