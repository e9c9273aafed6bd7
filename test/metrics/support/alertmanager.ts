import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's Alertmanager with a configuration, which knows the alerts that it is told of. */
export class Alertmanager implements AsyncDisposable {
  readonly #folder: string;
  readonly #url: string;
  readonly #child: Bun.Subprocess;

  private constructor(folder: string, configFile: string, address: string) {
    this.#folder = folder;
    this.#url = `http://${address}/api/v2/alerts`;
    const flags = [
      `config.file=${configFile}`,
      `storage.path=${folder}`,
      `web.listen-address=${address}`,
      "cluster.listen-address=",
    ];
    this.#child = Bun.spawn(["prometheus-alertmanager", ...flags.map((flag) => `--${flag}`)], {
      stdout: "ignore",
      stderr: "ignore",
    });
  }

  /** `address`: where it answers. */
  static async with(configFile: string, address: string): Promise<Alertmanager> {
    return new Alertmanager(await mkdtemp(join(tmpdir(), "lvscare-alertmanager-")), configFile, address);
  }

  /** Whether it took them. */
  async tell(alerts: readonly { readonly labels: Readonly<Record<string, string>> }[]): Promise<boolean> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(this.#url, { method: "POST", headers, body: JSON.stringify(alerts) }).catch(
      () => undefined,
    );
    return answer?.ok === true;
  }

  /** Those of which it would tell somebody. */
  async told(): Promise<readonly Readonly<Record<string, string>>[]> {
    const answer = await fetch(`${this.#url}?inhibited=false`);
    return ((await answer.json()) as { labels: Readonly<Record<string, string>> }[]).map(({ labels }) => labels);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await rm(this.#folder, { recursive: true });
  }
}
