import { describeError, LvscareError } from "../../domain/errors.ts";

/** A value as JSON can say it. Errors keep their code, operation and causes, which JSON itself would turn into `{}`. */
export function toPlain(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      return value === null ? null : toPlainObject(value, depth);
    default:
      return String(value);
  }
}

/** An error and what caused it, in one line. */
export function describeCauses(error: Error): string {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && depth < DEEPEST; depth++) {
    parts.push(describeError(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(": ");
}

// --- internal ---

/** Deep enough for anything worth logging, and the end of values that hold themselves. */
const DEEPEST = 6;

function toPlainObject(value: object, depth: number): unknown {
  if (depth >= DEEPEST) return "…";
  if (value instanceof Error) return toPlainError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof Map) return toPlainObject(Object.fromEntries(value), depth);
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => toPlain(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item, depth + 1)]));
}

function toPlainError(error: Error, depth: number): object {
  const { operation, remedy, errno } = error instanceof LvscareError ? error : {};
  const code = "code" in error ? toPlain(error.code, depth + 1) : undefined;
  const cause = error.cause === undefined ? undefined : toPlain(error.cause, depth + 1);
  const name = error instanceof LvscareError ? undefined : error.name;
  return dropUndefined({ name, message: error.message, code, operation, remedy, errno, cause });
}

function dropUndefined(value: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
