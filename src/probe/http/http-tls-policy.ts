import { parseAddress } from "../../domain/endpoint.ts";
import { tlsPolicy, type TlsPolicy, type TlsPolicyOptions } from "../connection/certificate.ts";
import type { HeaderList } from "./request.ts";

/** Whom to trust over HTTP/1.1: a server that speaks only another protocol can say so (RFC 7301). */
export function httpTlsPolicy({
  headers,
  serverName,
  ...options
}: TlsPolicyOptions & { headers: HeaderList }): TlsPolicy {
  return tlsPolicy({ ...options, serverName: serverName ?? nameInHostHeader(headers), alpn: ["http/1.1"] });
}

// --- internal ---

/** A dot at its end is no part of it. */
function nameInHostHeader(headers: HeaderList): string | undefined {
  const value = headers.find(([name]) => name.toLowerCase() === "host")?.[1];
  const name = value?.trim().replace(/:\d*$/, "").replace(/\.$/, "");
  return name === undefined || !/^[\w.-]+$/.test(name) || parseAddress(name) !== undefined ? undefined : name;
}
