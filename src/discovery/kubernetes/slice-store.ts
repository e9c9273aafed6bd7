import type { ApiReply } from "./api.ts";
import { readSlice, type Slice } from "./slices.ts";

/** One event of a watch. `unknown`: it is none. */
export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly slice: Slice; readonly version: string }
  | { readonly type: "BOOKMARK"; readonly version: string }
  | { readonly type: "ERROR"; readonly code: number; readonly message: string }
  | { readonly type: "unknown"; readonly message: string };

/** The slices of a service, and how far they are known. */
export class SliceStore {
  /** Opaque; empty until there was a list. */
  version = "";
  readonly #slices = new Map<string, Slice>();

  get slices(): readonly Slice[] {
    return [...this.#slices.values()];
  }

  /** What they say of the drains of their service, for comparison. */
  get marks(): string {
    return [...new Set(this.slices.flatMap(({ mark }) => mark ?? []))].toSorted().join(" ");
  }

  /** All of them are these now. Returns what is wrong with the list, which changes nothing then. */
  replace(body: string): string | undefined {
    const list = parsed(body);
    const { metadata, items } = isMap(list) ? list : {};
    const version = isMap(metadata) ? metadata["resourceVersion"] : undefined;
    if (!isMap(metadata) || typeof version !== "string" || !(Array.isArray(items) || items === null))
      return "the answer is no list of EndpointSlices";
    if (typeof metadata["continue"] === "string" && metadata["continue"] !== "")
      return "it has more EndpointSlices than can be read at once";
    const slices = (items ?? []).map(readSlice).filter((slice) => slice !== undefined);
    this.#slices.clear();
    for (const slice of slices) this.#slices.set(slice.name, slice);
    this.version = version;
    return undefined;
  }

  /** Whether it changed the slices. */
  apply(event: Exclude<WatchEvent, { type: "ERROR" | "unknown" }>): boolean {
    this.version = event.version;
    if (event.type === "BOOKMARK") return false;
    const { slice, type } = event;
    const before = this.#slices.get(slice.name);
    if (type === "DELETED") return this.#slices.delete(slice.name);
    this.#slices.set(slice.name, slice);
    return !Bun.deepEquals(before, slice);
  }

  forget(): void {
    this.version = "";
    this.#slices.clear();
  }
}

/** Of an object that was asked for by its name; undefined for what is none. */
export function annotationsOf(body: string): Readonly<Record<string, unknown>> | undefined {
  const object = parsed(body);
  const metadata = isMap(object) ? object["metadata"] : undefined;
  if (!isMap(metadata)) return undefined;
  const { annotations } = metadata;
  return isMap(annotations) ? annotations : {};
}

/** How many objects there are, by a list of the first of them; undefined for what is none. */
export function countOf(body: string): number | undefined {
  const list = parsed(body);
  const { metadata, items } = isMap(list) ? list : {};
  if (!isMap(metadata) || !(Array.isArray(items) || items === null)) return undefined;
  const more = metadata["remainingItemCount"] ?? 0;
  // Who has more and does not say how many has not counted.
  if (!Number.isInteger(more) || (more === 0 && (metadata["continue"] ?? "") !== "")) return undefined;
  return (items?.length ?? 0) + Number(more);
}

/** Reads a line of a watch. */
export function readWatchLine(line: string): WatchEvent {
  const event = parsed(line);
  const { type, object } = isMap(event) ? event : {};
  if (!isMap(object)) return { type: "unknown", message: "a line of it is no event" };
  if (type === "ERROR") return { type, code: Number(object["code"]) || 0, message: messageOf(object) };
  const { metadata } = object;
  const version = isMap(metadata) ? metadata["resourceVersion"] : undefined;
  if (typeof version !== "string" || version === "")
    return { type: "unknown", message: "an event of it has no version" };
  if (type === "BOOKMARK") return { type, version };
  const slice = readSlice(object);
  if (slice === undefined || !(type === "ADDED" || type === "MODIFIED" || type === "DELETED"))
    return { type: "unknown", message: "an event of it is of no EndpointSlice" };
  return { type, slice, version };
}

/** `403: endpointslices… is forbidden: …`, in one line. */
export function describeRefusal({ status, body }: ApiReply): string {
  const said = parsed(body);
  const message = isMap(said) ? messageOf(said) : "";
  const told = status === 401 && message === "Unauthorized" ? "these credentials are not accepted" : message;
  return told === "" ? `status ${status}` : `status ${status}: ${told}`;
}

// --- internal ---

const LONGEST_TOLD = 300;

function messageOf(status: Readonly<Record<string, unknown>>): string {
  const { message, reason } = status;
  const text = typeof message === "string" && message !== "" ? message : reason;
  return typeof text === "string" ? text.replaceAll(/\s+/g, " ").slice(0, LONGEST_TOLD) : "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
