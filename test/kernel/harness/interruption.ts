const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type Interruption = Disposable & { readonly signal: AbortSignal };

/** Holds back a signal that would end us until what we own is gone: it is raised again on disposal. */
export function holdInterruptions(): Interruption {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const receive = (signal: NodeJS.Signals): void => {
    received = signal;
    controller.abort(new Error(`the test guest was stopped by ${signal}`));
  };
  for (const signal of signals) process.on(signal, receive);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, receive);
      if (received !== undefined) process.kill(process.pid, received);
    },
  };
}
