import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { RequestStep } from "./request.ts";
import type { ProbeResponse } from "./response/response-reader.ts";

/**
 * The request that this answer redirects to; undefined when the answer is judged by its own status.
 *
 * Only a redirect to the same address, port and scheme is followed: a dead server that sends its clients to a living
 * one must not count as alive. A POST goes on as GET without its body after 301, 302 and 303 (RFC 9110, 15.4).
 */
export function redirectStep(
  answer: Pick<ProbeResponse, "status" | "location">,
  asked: RequestStep,
  scheme: "http" | "https",
  target: Endpoint,
): RequestStep | undefined {
  if (!REDIRECTS.has(answer.status) || answer.location === undefined) return undefined;
  const base = `${scheme}://${formatEndpoint(target)}`;
  const location = URL.parse(answer.location, `${base}${asked.path}`);
  if (location === null || location.origin !== URL.parse(base)?.origin) return undefined;

  const path = `${location.pathname}${location.search}`;
  if (KEEPS_REQUEST.has(answer.status)) return { ...asked, path };
  return { method: asked.method === "HEAD" ? "HEAD" : "GET", path, body: "" };
}

// --- internal ---

const KEEPS_REQUEST: ReadonlySet<number> = new Set([307, 308]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, ...KEEPS_REQUEST]);
