import { PostureError } from "../platform/errors";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { ChangeProbe } from "../sources/schema";
import { HomeView } from "./home-view";
import { findJob, listJobIds } from "./job";

/**
 * A look at a home for somebody who may look and do nothing else: commands run, and stores other than directories are opened, only where
 * jobs of this host name them. What whoever looks has brought along counts for nothing: it could be any command.
 */
export class InstalledOnlyView extends HomeView {
  #installed: Promise<ReadonlySet<string>> | null = null;

  override async listPoints(store: StoreDeclaration, schedule: string): Promise<readonly RecoveryPoint[]> {
    const { kind }: { readonly kind: string } = store;
    if (kind !== "directory") await this.#require("its store", store);
    return super.listPoints(store, schedule);
  }

  override async findChangeMark(name: string, probe: ChangeProbe): Promise<string | null> {
    await this.#require(`probe ${name}`, probe);
    return super.findChangeMark(name, probe);
  }

  override async findProbedTime(
    name: string,
    probe: { readonly command: readonly string[]; readonly timeout?: string | undefined },
  ): Promise<Date | undefined> {
    await this.#require(`probe ${name}`, probe);
    return super.findProbedTime(name, probe);
  }

  async #require(what: string, value: object): Promise<void> {
    this.#installed ??= this.#findInstalled();
    if ((await this.#installed).has(JSON.stringify(value))) return;
    throw new PostureError(
      "unreachable",
      `${what} stands in no job of this host, and a key that only looks runs nothing else; pulumi up --refresh installs it again`,
    );
  }

  /** Every value within every job's declaration. */
  async #findInstalled(): Promise<ReadonlySet<string>> {
    const jobs = await Promise.all((await listJobIds(this.home)).map((id) => findJob(this.home, id)));
    return new Set(jobs.flatMap((found) => (found.state === "present" ? listValues(found.job.declaration) : [])));
  }
}

function listValues(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return [JSON.stringify(value), ...Object.values(value).flatMap(listValues)];
}
