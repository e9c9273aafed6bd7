import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's Prometheus, which asks a daemon for its metrics each second. */
export class Prometheus implements AsyncDisposable {
  readonly #folder: string;
  readonly #address: string;
  readonly #child: Bun.Subprocess;

  private constructor(folder: string, address: string) {
    this.#folder = folder;
    this.#address = address;
    const flags = [
      `config.file=${folder}/prometheus.yml`,
      `storage.tsdb.path=${folder}/data`,
      `web.listen-address=${address}`,
    ];
    this.#child = Bun.spawn(["prometheus", ...flags.map((flag) => `--${flag}`)], {
      stdout: "ignore",
      stderr: "ignore",
    });
  }

  /** `address`: where it answers itself. */
  static async scraping(target: string, address: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), "lvscare-prometheus-"));
    const job = { job_name: "lvscare", static_configs: [{ targets: [target] }] };
    const config = { global: { scrape_interval: "1s" }, scrape_configs: [job] };
    await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
    return new Prometheus(folder, address);
  }

  /** Of the first series that is found; undefined while there is none, or no answer yet. */
  async valueOf(query: string): Promise<string | undefined> {
    const url = `http://${this.#address}/api/v1/query?query=${encodeURIComponent(query)}`;
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok !== true) return undefined;
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0]?.value[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await rm(this.#folder, { recursive: true });
  }
}
