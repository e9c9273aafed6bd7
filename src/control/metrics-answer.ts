import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { MetricsFormat } from "../domain/metrics-format.ts";
import { wishFor } from "./http/accepted.ts";
import { LastSecond } from "./last-second.ts";

/** What is answered to who asks for metrics, in the format and the coding that suit him; what nobody asks for is not made. */
export class MetricsAnswer {
  readonly #texts: Readonly<Record<MetricsFormat, LastSecond<string>>>;
  readonly #packed: Readonly<Record<MetricsFormat, LastSecond<Uint8Array>>>;

  constructor(read: (format: MetricsFormat) => Promise<string>, now: () => number) {
    const each = <T>(make: (format: MetricsFormat) => T): Readonly<Record<MetricsFormat, T>> => ({
      text: make("text"),
      openmetrics: make("openmetrics"),
    });
    this.#texts = each((format) => new LastSecond(() => read(format), now));
    this.#packed = each((format) => new LastSecond(async () => pack(await this.#texts[format].get(), FAST), now));
  }

  async answer({ headers }: Request, others: Readonly<Record<string, string>>): Promise<Response> {
    const format = formatFor(headers.get("accept"));
    const fields = { ...others, "content-type": CONTENT_TYPES[format], vary: "accept, accept-encoding" };
    if (wishFor(headers.get("accept-encoding"), "gzip") === 0)
      return new Response(await this.#texts[format].get(), { headers: fields });
    return new Response(await this.#packed[format].get(), { headers: { ...fields, "content-encoding": "gzip" } });
  }
}

// --- internal ---

const pack = promisify<string, { readonly level: number }, Uint8Array>(gzip);

/** Metrics say the same again and again: more effort would save little. */
const FAST = { level: 1 };

const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** OpenMetrics for who names it, and wants nothing else more. */
function formatFor(accept: string | null): MetricsFormat {
  const wish = wishFor(accept, "application/openmetrics-text", new Map([["version", "1.0.0"]]));
  return wish > 0 && wish >= wishFor(accept, "text/plain") ? "openmetrics" : "text";
}
