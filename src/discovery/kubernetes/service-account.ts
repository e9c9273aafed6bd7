import { describeError, errnoOf } from "../../domain/errors.ts";
import type { TlsMaterial } from "../../probe/connection/certificate.ts";
import type { HeaderList } from "../../probe/http/request.ts";
import { SecretHeaders } from "../../probe/http/secret-headers.ts";
import { WatchedFile } from "../../probe/watched-file.ts";
import type { ApiIdentity } from "./api-client.ts";

/** Where kubelet puts the credentials of a pod. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The service account of the pod that this runs in. Its token is exchanged every hour. */
export class ServiceAccount implements ApiIdentity {
  readonly #authority: WatchedFile;
  readonly #secrets: SecretHeaders;

  constructor(folder = SERVICE_ACCOUNT) {
    this.#authority = new WatchedFile(`${folder}/ca.crt`);
    this.#secrets = new SecretHeaders({ tokenFile: `${folder}/token`, headersFile: undefined });
  }

  material(): TlsMaterial | { readonly lacking: string } {
    try {
      return { ca: this.#authority.read() };
    } catch (failure) {
      return { lacking: `${this.#authority.path} cannot be read (${errnoOf(failure) ?? describeError(failure)})` };
    }
  }

  read(): HeaderList | { readonly lacking: string } {
    return this.#secrets.read();
  }
}
