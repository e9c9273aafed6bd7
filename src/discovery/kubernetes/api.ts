/** What an API server answered. */
export interface ApiReply {
  readonly status: number;
  readonly body: string;
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | undefined;
}

/** Nobody answered, or what came was cut: the reason. */
export interface ApiFailure {
  readonly failed: string;
}

export interface WatchListener {
  /** Once, if the status is 200. */
  began(): void;
  line(line: string): void;
}

/** A request whose answer goes on. */
export interface ApiWatch {
  /** With the whole answer, unless its status is 200: then when the stream is over, without a body. */
  readonly ended: Promise<ApiReply | ApiFailure>;
  /** Ends it, as if it had failed. */
  close(): void;
}

/** An API server of Kubernetes, whichever of them answers. */
export interface Api extends Disposable {
  get(path: string): Promise<ApiReply | ApiFailure>;
  /** Patches an object, of which only what is named changes, or makes one. */
  write(method: "PATCH" | "POST", path: string, object: object): Promise<ApiReply | ApiFailure>;
  watch(path: string, timeoutMs: number, listener: WatchListener): ApiWatch;
}
