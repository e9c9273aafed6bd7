import { constants, createGzip } from "node:zlib";
import { wishFor } from "./http/accepted.ts";

/** Whether a client takes gzip; one that does not name it may be a program that cannot. */
export function acceptsGzip({ headers }: Request): boolean {
  return wishFor(headers.get("accept-encoding"), "gzip") > 0;
}

/** Made once for each text; of texts that are part of the program. */
export function gzipOf(text: string): Uint8Array<ArrayBuffer> {
  let made = GZIPPED.get(text);
  if (made === undefined) {
    made = Bun.gzipSync(text);
    GZIPPED.set(text, made);
  }
  return made;
}

/** Each chunk can be read as soon as it has arrived. Nothing is taken from the stream before it is asked for. */
export function gzipped(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH, memLevel: 7 });
  let made: Buffer[] = [];
  gzip.on("data", (chunk: Buffer) => made.push(chunk));
  const take = (): Uint8Array => {
    const all = Buffer.concat(made);
    made = [];
    return all;
  };
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (!done) {
          await new Promise<void>((resolve, reject) =>
            gzip.write(value, (error) => (error == null ? resolve() : reject(error))),
          );
          controller.enqueue(take());
          return;
        }
        await new Promise<void>((resolve) => {
          gzip.once("end", resolve);
          gzip.end();
        });
        controller.enqueue(take());
        controller.close();
      },
      cancel: async (reason) => {
        gzip.destroy();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

// --- internal ---

const GZIPPED = new Map<string, Uint8Array<ArrayBuffer>>();
