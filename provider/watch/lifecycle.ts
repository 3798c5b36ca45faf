import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import { canonicalise } from "../declaration/canonical";
import { findViolations } from "../declaration/check";
import { describeHealth, type Fault, healthy, sortFaults } from "../declaration/health";
import { defaultId } from "../declaration/identity";
import { findUnknownPaths, unknownValue } from "../declaration/unknowns";
import { only, textAt, without } from "../lifecycle/bag";
import { quiet } from "../lifecycle/failures";
import type { Bag } from "../lifecycle/kind";
import { defaultSettings, readSettings, type Settings } from "../lifecycle/settings";
import { now } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { findWatchFaults } from "./health";
import { lookAtWatched } from "./look";
import { describeWatched, type WatchedDeclaration, watchedScheduleSchema, watchedShape } from "./schema";
import type { Seen } from "./seen";

/** The layout of the outputs in state. */
const schemaVersion = 1;

const keys = Object.keys(watchedScheduleSchema.shape);

/** What a look found. */
interface Observation {
  readonly faults: readonly Fault[];
  readonly settings: Bag;
}

/**
 * BackupSchedules that only watch. Nothing is written anywhere but in the state, and no posture home is needed. What is watched is never
 * gone: that it is missing is its health.
 */
export class WatchProvider implements dynamic.ResourceProvider {
  readonly #report: (line: string) => void;
  #settings: Settings = defaultSettings();
  /** One look at each thing in one process of the engine, failures included. */
  readonly #seen = new Map<string, Promise<Seen | string>>();

  /** @param report tells the person who runs the engine. */
  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  /** Assigns before it first yields. */
  async configure(request: dynamic.ConfigureRequest): Promise<void> {
    this.#settings = readSettings(request.config);
  }

  async check(olds: Bag, news: Bag): Promise<dynamic.CheckResult> {
    const declared = without({ ...news, id: news.requestedId ?? news.id }, ["__provider", "owner", "requestedId"]);
    const reason = findViolations(watchedScheduleSchema, declared);
    if (reason !== undefined) return { inputs: without(news, ["requestedId"]), failures: [{ property: "", reason }] };
    const owner = textAt(news, "owner");
    const freshId = owner === undefined || owner === unknownValue ? unknownValue : defaultId(owner);
    const id = declared.id ?? textAt(olds, "id") ?? freshId;
    const inputs = without({ ...canonicalise(declared, watchedShape), id, owner, health: healthy }, []);
    this.#announce(olds, inputs);
    return { inputs };
  }

  async diff(_id: string, olds: Bag, news: Bag): Promise<dynamic.DiffResult> {
    const replaces = news.id === unknownValue || isDeepStrictEqual(olds.id, news.id) ? [] : ["id"];
    return { replaces, deleteBeforeReplace: true };
  }

  async create(inputs: Bag): Promise<dynamic.CreateResult> {
    const id = textAt(inputs, "id");
    if (id === undefined) throw new PostureError("usage", "id: is missing");
    const own = { incarnation: randomUUID(), createdAt: now().toISOString() };
    return { id, outs: await this.#settle(id, inputs, own) };
  }

  async read(id: string, props: Bag = {}): Promise<dynamic.ReadResult> {
    const known = without(props, ["__provider"]);
    const declaration = recall(props);
    if (this.#settings.observe === "state" || declaration === null)
      return { id, props: known, inputs: inputsOf(known) };
    if (textAt(props, "incarnation") === undefined)
      throw quiet(new PostureError("usage", `${id}: a schedule that only watches is known in its own stack only`));
    const { faults, settings } = await this.#observe(declaration);
    const watch = { ...declaration.watch, ...settings };
    const observed = { ...known, ...canonicalise({ watch }, watchedShape), health: describeHealth(faults) };
    return { id, props: observed, inputs: inputsOf(observed) };
  }

  async update(id: string, olds: Bag, news: Bag): Promise<dynamic.UpdateResult> {
    this.#seen.clear();
    return { outs: await this.#settle(id, news, only(olds, ["incarnation", "createdAt"])) };
  }

  /** There is nothing to take away. */
  async delete(): Promise<void> {}

  /** What is not well comes back as a partial failure with the health that was seen. */
  async #settle(id: string, inputs: Bag, own: Bag): Promise<Bag> {
    if (this.#settings.observe === "state")
      throw new PostureError("usage", "posture:observe is state: this stack may be previewed, not changed");
    const declaration = recall(inputs);
    if (declaration === null) throw new PostureError("usage", `${id}: is not what was checked`);
    const outs = { ...without(inputs, ["__provider"]), ...own, schemaVersion };
    const { faults, settings } = await this.#observe(declaration);
    const drifted = Object.entries(settings).filter(([key, value]) => Reflect.get(declaration.watch, key) !== value);
    if (faults.length === 0 && drifted.length === 0) return outs;
    const watch = { ...declaration.watch, ...settings };
    const properties = {
      ...outs,
      ...canonicalise({ watch }, watchedShape),
      health: describeHealth(faults),
      __provider: inputs.__provider,
    };
    const reasons = [
      ...sortFaults(faults).map(({ sentence, remedy }) => `${sentence}: ${remedy}`),
      ...drifted.map(
        ([key, value]) =>
          `watch.${key} is ${String(value)} where it runs, and is only watched: change it there, or here`,
      ),
    ];
    throw Object.assign(new Error(reasons.map((reason) => `${id}: ${reason}`).join("\n")), { id, properties, reasons });
  }

  async #observe(declaration: WatchedDeclaration): Promise<Observation> {
    const seen = await this.#look(declaration);
    const faults = findWatchFaults(declaration, seen, now());
    return { faults, settings: typeof seen === "string" ? {} : seen.settings };
  }

  #look({ watch }: WatchedDeclaration): Promise<Seen | string> {
    const key = JSON.stringify(watch);
    const known = this.#seen.get(key);
    if (known !== undefined) return known;
    const fresh = lookAtWatched(watch, new AbortController().signal).catch(messageOf);
    this.#seen.set(key, fresh);
    return fresh;
  }

  #announce(olds: Bag, inputs: Bag): void {
    if (findUnknownPaths(inputs).length > 0 || isDeepStrictEqual(olds.watch, inputs.watch)) return;
    const declaration = recall(inputs);
    if (declaration !== null)
      this.#report(`${declaration.id ?? ""}: only watches ${describeWatched(declaration.watch)}, at every look`);
  }
}

function recall(bag: Bag): WatchedDeclaration | null {
  const parsed = watchedScheduleSchema.safeParse(only(bag, keys));
  return parsed.success ? parsed.data : null;
}

function inputsOf(bag: Bag): Bag {
  return only(bag, [...keys, "owner", "health"]);
}
