import type { dynamic } from "@pulumi/pulumi";
import type { Bag } from "./kind";

/** One course of the lifecycle. */
type Course = Required<
  Pick<dynamic.ResourceProvider, "configure" | "check" | "diff" | "create" | "read" | "update" | "delete">
>;

/**
 * The dynamic provider of BackupSchedule: of each resource, the course that installs it, or the one that only watches (`manage: false`).
 * Changing from one to the other replaces the resource, and keeps every recovery point.
 */
export class BackupScheduleProvider implements dynamic.ResourceProvider {
  constructor(
    readonly managed: Course,
    readonly watched: Course,
  ) {}

  async configure(request: dynamic.ConfigureRequest): Promise<void> {
    await Promise.all([this.managed.configure(request), this.watched.configure(request)]);
  }

  async check(olds: Bag, news: Bag): Promise<dynamic.CheckResult> {
    const sameCourse = this.#of(olds) === this.#of(news);
    return this.#of(news).check(sameCourse ? olds : { id: olds.id }, news);
  }

  async diff(id: string, olds: Bag, news: Bag): Promise<dynamic.DiffResult> {
    if (this.#of(olds) !== this.#of(news)) return { replaces: ["manage"], deleteBeforeReplace: true };
    return this.#of(news).diff(id, olds, news);
  }

  create(inputs: Bag): Promise<dynamic.CreateResult> {
    return this.#of(inputs).create(inputs);
  }

  read(id: string, props: Bag = {}): Promise<dynamic.ReadResult> {
    return this.#of(props).read(id, props);
  }

  update(id: string, olds: Bag, news: Bag): Promise<dynamic.UpdateResult> {
    return this.#of(news).update(id, olds, news);
  }

  delete(id: string, props: Bag): Promise<void> {
    return this.#of(props).delete(id, props);
  }

  #of(bag: Bag): Course {
    return bag.manage === false ? this.watched : this.managed;
  }
}
