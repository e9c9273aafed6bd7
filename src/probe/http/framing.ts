/** `surplus`: done, and there were bytes that do not belong to it. */
export type FramingStep = "more" | "done" | "surplus" | { readonly malformed: string };

/** Finds where a body ends, without keeping any of it. */
export interface BodyFraming {
  feed(bytes: Uint8Array): FramingStep;
  /** Whether the peer may close here. */
  readonly endsAtClose: boolean;
}
