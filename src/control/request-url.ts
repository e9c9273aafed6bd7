/** Null where it cannot be read. Without a host, or with an impossible one, the runtime gives the path alone. */
export function urlOf(request: Request): URL | null {
  return URL.parse(request.url, "http://localhost");
}

/** The id of an event in `?after=<id>`, 0 without one; undefined for anything else. */
export function eventIdAfter(query: URLSearchParams): number | undefined {
  const after = query.get("after") ?? "0";
  return /^\d{1,15}$/.test(after) ? Number(after) : undefined;
}
