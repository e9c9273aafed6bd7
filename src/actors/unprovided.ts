import { fromPromise, type PromiseActorLogic } from "xstate";

/** The default of a port: fails by its own name, so that a machine started without `provide` says what it lacks. */
export function unprovided<Output, Input>(port: string): PromiseActorLogic<Output, Input> {
  return fromPromise<Output, Input>(() => Promise.reject(new Error(`port "${port}" was not provided to the machine`)));
}
