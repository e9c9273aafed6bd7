import { dirname } from "node:path";
import { isBearerToken, readKubeconfig, type KubeCredentials, type Stored } from "../../config/kubeconfig.ts";
import { describeError, errnoOf } from "../../domain/errors.ts";
import type { TlsMaterial } from "../connection/certificate.ts";
import type { HeaderList } from "../http/request.ts";
import { WatchedFile } from "../watched-file.ts";

/** Whom a kubeconfig trusts and what it shows. It and the files that it names are read again when they change. */
export class KubeIdentity {
  readonly #kubeconfig: WatchedFile;
  readonly #files = new Map<string, WatchedFile>();
  /** What the kubeconfig said when it was read last. */
  #read: { readonly text: string; readonly credentials: ReturnType<typeof readKubeconfig> } | undefined;
  #token: string | undefined;
  #headers: HeaderList = [];
  readonly #context: string | undefined;

  /** `context`: the current one of the kubeconfig when undefined. */
  constructor(path: string, context?: string) {
    this.#kubeconfig = new WatchedFile(path);
    this.#context = context;
  }

  /** For a handshake that begins now. */
  material(): TlsMaterial | { readonly lacking: string } {
    return this.#with(({ authority, certificate, key, serverName, skipsVerify }) => {
      const [ca, cert, own] = [authority, certificate, key].map((stored) => stored && this.#textOf(stored));
      return {
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(own !== undefined && { key: own }),
        ...(serverName !== undefined && { serverName }),
        ...(skipsVerify && { trustsAnybody: true as const }),
      };
    });
  }

  /** The headers of a request that is sent now; the same list as long as they are the same. */
  read(): HeaderList | { readonly lacking: string } {
    return this.#with(({ token }) => {
      const text = token && this.#textOf(token).trim();
      if (text !== this.#token) {
        if (text !== undefined && !isBearerToken(text)) throw new Error("it holds no token");
        this.#token = text;
        this.#headers = text === undefined ? [] : [["Authorization", `Bearer ${text}`]];
      }
      return this.#headers;
    });
  }

  /** Where the API server is that it names. */
  server(): { readonly host: string; readonly port: number } | { readonly lacking: string } {
    const { path } = this.#kubeconfig;
    return this.#with(({ server, hasProxy }) => {
      if (hasProxy) return { lacking: `${path}: its cluster has a proxy-url, which is not used here` };
      const url = URL.parse(server ?? "");
      if (url?.protocol !== "https:") return { lacking: `${path}: its cluster has no server with https` };
      return { host: url.hostname.replaceAll(/^\[|\]$/g, ""), port: Number(url.port === "" ? 443 : url.port) };
    });
  }

  // --- internal ---

  #with<T>(use: (credentials: KubeCredentials) => T): T | { readonly lacking: string } {
    const { path } = this.#kubeconfig;
    try {
      const text = this.#kubeconfig.read();
      this.#read =
        this.#read?.text === text
          ? this.#read
          : { text, credentials: readKubeconfig(text, dirname(path), this.#context) };
      const { credentials } = this.#read;
      return "problem" in credentials ? { lacking: `${path}: ${credentials.problem}` } : use(credentials);
    } catch (failure) {
      return {
        lacking: `${path}, or a file that it names, cannot be read (${errnoOf(failure) ?? describeError(failure)})`,
      };
    }
  }

  #textOf(stored: Stored): string {
    if ("text" in stored) return stored.text;
    const { file } = stored;
    const watched = this.#files.get(file) ?? new WatchedFile(file);
    this.#files.set(file, watched);
    return watched.read();
  }
}
