/** `surplus`: done, and there were bytes that do not belong to it. */
export type FramingStep = "more" | "done" | "surplus" | { readonly malformed: string };

/** Finds where a body ends, without keeping any of it. */
export interface BodyFraming {
  /** Takes the bytes from `from` to before `to`, which may be none. */
  feed(bytes: Buffer, from: number, to: number): FramingStep;
  /** Whether the peer may close here. */
  readonly endsAtClose: boolean;
}
