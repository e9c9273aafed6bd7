import type { RunFolder } from "./run-folder.ts";

const pollMs = 1000;
// On a busy machine an emulated boot has no turn for a while.
const patienceMs = 60_000;

/** The guest stood still before its command began, so that it may be started again. */
export class BootStalled extends Error {
  override readonly name = "BootStalled";
}

/** Reports a boot whose kernel log stops growing: of some hundred emulated boots, one loses a timer and waits for ever. */
export function watchBoot(run: RunFolder, onStall: (reason: BootStalled) => void): Disposable {
  let size = -1;
  let grownAt = performance.now();
  const timer = setInterval(async () => {
    const [started, newSize] = [await run.started, await run.kernelLogSize()];
    if (started) clearInterval(timer);
    else if (newSize !== size) [size, grownAt] = [newSize, performance.now()];
    else if (performance.now() - grownAt > patienceMs) {
      clearInterval(timer);
      onStall(new BootStalled(`the test guest stood still for ${patienceMs / 1000} s while it booted`));
    }
  }, pollMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
