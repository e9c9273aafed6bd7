/** What SIGTERM and SIGINT mean while something runs: the first asks it to stop, the second no longer asks. */
export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/** Listens until disposed of; `insist` is called at the second signal. */
export function listenForStop(insist: () => void): StopSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) insist();
    else controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

// --- internal ---

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
