import {
  fromCallback,
  fromPromise,
  type CallbackActorLogic,
  type EventObject,
  type NonReducibleUnknown,
  type PromiseActorLogic,
} from "xstate";

/** The default of a port: fails by its own name, so that a machine started without `provide` says what it lacks. */
export function unprovided<Output, Input>(port: string): PromiseActorLogic<Output, Input> {
  return fromPromise<Output, Input>(() => Promise.reject(missing(port)));
}

/** As `unprovided`, for a port that lasts. */
export function unprovidedCallback<Event extends EventObject, Input extends NonReducibleUnknown>(
  port: string,
): CallbackActorLogic<Event, Input> {
  return fromCallback<Event, Input>(() => {
    throw missing(port);
  });
}

// --- internal ---

function missing(port: string): Error {
  return new Error(`port "${port}" was not provided to the machine`);
}
