import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import { canonicalise } from "../declaration/canonical";
import { findViolations } from "../declaration/check";
import {
  describeHealth,
  type Fault,
  healthy,
  notInstalledFault,
  sortFaults,
  unreachableFault,
} from "../declaration/health";
import { defaultId } from "../declaration/identity";
import { absolutePath } from "../declaration/primitives";
import { isAtLeast, releasePattern } from "../declaration/release";
import { findUnknownPaths, unknownValue } from "../declaration/unknowns";
import { findRemoteHost, identifyHost } from "../hosts/schema";
import { nameCommand } from "../platform/bundle";
import { now } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { readRelease } from "../platform/release";
import { defaultRemoteHome } from "../runner/home";
import type { HomeView } from "../runner/home-view";
import { findJob, removeJob } from "../runner/job";
import { clearRemains } from "../runner/remains";
import { findAgent } from "../schedule/agent";
import { accountOf } from "../schedule/entry";
import { only, textAt, without } from "./bag";
import { claimForCreate, claimForUpdate } from "./claim";
import { quiet, quietly } from "./failures";
import type { Bag, Found, Kind, Known, Starting, Target, Worker } from "./kind";
import { createRemotely, deleteRemotely, readRemotely, updateRemotely } from "./remote/course";
import type { RemoteHosts } from "./remote/hosts";
import { RemoteView } from "./remote/view";
import { defaultSettings, readSettings, type Settings } from "./settings";
import { startAndWait } from "./start";

/** The layout of the outputs in state. A later release that changes it migrates on read. */
const schemaVersion = 1;

/** Outputs that every kind has beside its inputs. */
const ownOutputs = ["incarnation", "createdAt", "schemaVersion"] as const;

/** Changing one of these replaces the resource. */
const replacing = ["host", "home", "id"] as const;

/** What all kinds share in one process of the engine. */
export interface Shared {
  /** One look at each home of this machine, by its path. */
  readonly openView: (root: string) => HomeView;
  /** The homes of other machines. */
  readonly remoteHosts: RemoteHosts;
  /** Tells the person who runs the engine. */
  readonly report: (line: string) => void;
  /** The homes of which it was said that no agent runs. */
  readonly reminded: Set<string>;
}

interface Checked {
  inputs: Bag;
  failures?: dynamic.CheckFailure[];
}

interface Differing {
  replaces: string[];
  deleteBeforeReplace: boolean;
}

interface Created {
  id: string;
  outs: Bag;
}

interface Looked {
  /** Empty: gone. */
  id: string;
  props: Bag;
  inputs?: Bag;
}

/**
 * The dynamic provider of one kind: what the engine calls. All kinds share this course: observe, then ensure, then return
 * what is; see `docs/lifecycle.md`.
 */
export class LifecycleProvider<D> implements dynamic.ResourceProvider {
  readonly #kind: Kind<D>;
  readonly #shared: Shared;
  #settings: Settings = defaultSettings();
  /** What the state said before a refresh in this process, by id, for each home. */
  readonly #declaredBefore = new Map<HomeView, Map<string, D>>();

  constructor(kind: Kind<D>, shared: Shared) {
    this.#kind = kind;
    this.#shared = shared;
  }

  /** Assigns before it first yields: the engine does not wait for it before it calls the next method. */
  async configure(request: dynamic.ConfigureRequest): Promise<void> {
    this.#settings = readSettings(request.config);
  }

  async check(olds: Bag, news: Bag): Promise<Checked> {
    const declared = without({ ...news, id: news.requestedId ?? news.id }, ["__provider", "owner", "requestedId"]);
    const violations = [
      findViolations(this.#kind.schema, declared),
      this.#findSettingsFault(declared),
      findRunnerFault(declared),
    ];
    const reason = violations.filter((violation) => violation !== undefined).join("; ");
    if (reason !== "") return { inputs: without(news, ["requestedId"]), failures: [{ property: "", reason }] };
    const inputs = this.#resolve(olds, news, declared);
    const impossible = this.#kind.foresee(inputs);
    if (impossible.length > 0) return { inputs, failures: [{ property: "", reason: impossible.join("; ") }] };
    const refusal = await quietly(() => this.#refuse(olds, inputs));
    return refusal === undefined ? { inputs } : { inputs, failures: [{ property: "", reason: refusal }] };
  }

  /** The engine computes what differs from inputs and outputs; `changes: false` would store new inputs and leave the host old. */
  async diff(_id: string, olds: Bag, news: Bag): Promise<Differing> {
    const before = identify(canonicalise(only(olds, replacing), this.#kind.shape));
    const after = identify(canonicalise(only(news, replacing), this.#kind.shape));
    const replaces = replacing.filter(
      (key) => after[key] !== unknownValue && !isDeepStrictEqual(before[key], after[key]),
    );
    return { replaces, deleteBeforeReplace: true };
  }

  async create(inputs: Bag): Promise<Created> {
    this.#requireSight();
    const { view, id, declaration } = this.#locate(inputs);
    if (view instanceof RemoteView) return createRemotely(view, this.#kind.jobKind, inputs);
    await view.prepareHome(accountOf(inputs));
    const owner = textAt(inputs, "owner") ?? null;
    const scheduler = this.#kind.scheduler(view, declaration);
    const entry = scheduler === null ? null : ((await scheduler.observe([id], view.signal)).get(id) ?? null);
    const claim = { id, owner, jobKind: this.#kind.jobKind, adopt: inputs.adopt === true };
    const existing = await claimForCreate(view, claim, entry);
    const target: Target<D> = {
      view,
      id,
      owner,
      incarnation: randomUUID(),
      createdAt: existing?.createdAt ?? now().toISOString(),
      declaration,
      previous: null,
      state: {},
      report: this.#shared.report,
    };
    await this.#kind.install(target);
    view.forgetEntry(id);
    const starting = this.#kind.starting(view, declaration);
    if (starting?.onCreate === true) await this.#start(target, starting);
    await this.#remindOfAgent(target, starting);
    return { id, outs: await this.#settle(target, inputs) };
  }

  /** @param beside what else is wrong, which whoever asks has seen. */
  async read(id: string, props: Bag = {}, beside: readonly Fault[] = []): Promise<Looked> {
    if (this.#settings.observe === "state") return this.#echo(id, props, undefined);
    const view = this.#view(props);
    const known = this.#recall(props);
    if (known !== null) this.#rememberDeclared(view, id, known.declaration);
    if (view instanceof RemoteView) return this.#readRemotely(view, id, props);
    let found: Found;
    try {
      found = await this.#kind.observe(view, id, known);
    } catch (error) {
      if (isLookUp(props)) throw quiet(error);
      view.noteUnreachable(messageOf(error));
      return this.#echo(id, props, describeHealth([unreachableFault(messageOf(error))]));
    }
    if (found.gone && isLookUp(props))
      throw quiet(new PostureError("usage", `${id}: there is no such ${this.#kind.jobKind} in ${view.home.root}`));
    if (found.gone) return { id: "", props: {} };
    const settings = found.settings ?? only(props, this.#kind.keys);
    const inputs = without(
      {
        ...canonicalise(without(settings, [...replacing, ...this.#kind.controls]), this.#kind.shape),
        ...canonicalise(only(props, [...replacing, ...this.#kind.controls]), this.#kind.shape),
        id,
        home: view.home.root,
        owner: found.owner ?? props.owner,
        health: describeHealth([...found.faults, ...findStranger(props, found), ...beside]),
      },
      [],
    );
    return { id, inputs, props: { ...this.#ownOutputs(props, found), ...inputs, ...found.outputs } };
  }

  async update(id: string, olds: Bag, news: Bag): Promise<{ outs: Bag }> {
    this.#requireSight();
    const { view, declaration } = this.#locate(news);
    if (view instanceof RemoteView) return updateRemotely(view, this.#kind.jobKind, id, olds, news);
    await view.requireHome();
    const owner = textAt(news, "owner") ?? null;
    const claim = { id, owner, jobKind: this.#kind.jobKind, adopt: news.adopt === true };
    await claimForUpdate(view, claim, { incarnation: textAt(olds, "incarnation"), owner: textAt(olds, "owner") });
    const known = this.#recall(olds);
    const target: Target<D> = {
      view,
      id,
      owner,
      incarnation: textAt(olds, "incarnation") ?? randomUUID(),
      createdAt: known?.createdAt ?? now().toISOString(),
      declaration,
      previous: known?.declaration ?? null,
      state: olds,
      report: this.#shared.report,
    };
    await this.#kind.install(target);
    view.forgetEntry(id);
    const starting = this.#kind.starting(view, declaration);
    if (starting?.whenStale === true) {
      const { faults } = await this.#observe(target);
      if (faults.some((fault) => fault.mendedByRun)) await this.#start(target, starting);
    }
    await this.#remindOfAgent(target, starting);
    return { outs: await this.#settle(target, news) };
  }

  /** Takes away the job and its entry if they are still this very object's; recovery points, journal and evidence stay. */
  async delete(id: string, props: Bag): Promise<void> {
    await quietly(async () => {
      this.#requireSight();
      const view = this.#view(props);
      if (view instanceof RemoteView) return deleteRemotely(view, this.#kind.jobKind, id, props);
      await view.requireHome();
      const known = this.#recall(props);
      const incarnation = textAt(props, "incarnation");
      const job = await findJob(view.home, id);
      if (job.state === "present" && job.job.incarnation !== incarnation) return;
      const scheduler = known === null ? null : this.#kind.scheduler(view, known.declaration);
      const entry = (await scheduler?.observe([id], view.signal))?.get(id);
      if (scheduler !== null && entry !== undefined && entry.incarnation === incarnation)
        await scheduler.remove(id, view.signal);
      await removeJob(view.home, id);
      await clearRemains(view.home, id);
      view.forgetEntry(id);
    });
  }

  async #start(target: Target<D>, starting: Starting) {
    await startAndWait(target.view, starting.scheduler, target.id, starting.waitMilliseconds);
    target.view.forgetPoints();
  }

  /** An embedded scheduler without its agent fires nothing: said once a home, since staleness would show it only much later. */
  async #remindOfAgent({ view }: Target<D>, starting: Starting | null): Promise<void> {
    if (starting?.scheduler.kind !== "embedded" || this.#shared.reminded.has(view.home.root)) return;
    this.#shared.reminded.add(view.home.root);
    if ((await findAgent(view.home)) === null)
      this.#shared.report(
        `no agent runs in ${view.home.root}, so nothing fires: start it on its host by ${nameCommand()} agent --home ${view.home.root}`,
      );
  }

  /** What the engine stores after a change. What was not seen to be well comes back as a partial failure with the health that was seen. */
  async #settle(target: Target<D>, inputs: Bag): Promise<Bag> {
    const { faults, outputs } = await this.#observe(target);
    const outs = {
      ...without(inputs, ["__provider"]),
      incarnation: target.incarnation,
      createdAt: target.createdAt,
      schemaVersion,
      ...outputs,
    };
    if (faults.length === 0) return outs;
    const properties = { ...outs, health: describeHealth(faults), __provider: inputs.__provider };
    throw Object.assign(new Error(describeFaults(target.id, faults)), {
      id: target.id,
      properties,
      reasons: sortFaults(faults).map((fault) => `${fault.sentence}: ${fault.remedy}`),
    });
  }

  async #observe(target: Target<D>): Promise<Found> {
    const { declaration, createdAt, state } = target;
    try {
      return await this.#kind.observe(target.view, target.id, { declaration, createdAt, state });
    } catch (error) {
      return {
        gone: false,
        settings: null,
        owner: null,
        incarnation: null,
        faults: [unreachableFault(messageOf(error))],
        outputs: without(state, [...this.#kind.keys, ...ownOutputs, "owner", "health", "__provider"]),
      };
    }
  }

  /** What the state knows; of an object that is looked up, what the host tells. */
  #ownOutputs(props: Bag, { incarnation }: Found): Bag {
    return without({ incarnation: incarnation ?? undefined, ...only(props, ownOutputs) }, []);
  }

  /** What is last known, as it is, with another health where one is given. */
  #echo(id: string, props: Bag, health: string | undefined): Looked {
    const known = without({ ...props, ...(health === undefined ? {} : { health }) }, ["__provider"]);
    return { id, props: known, inputs: only(known, [...this.#kind.keys, "owner", "health"]) };
  }

  #resolve(olds: Bag, news: Bag, declared: Bag): Bag {
    const owner = textAt(news, "owner");
    const remote = findRemoteHost(declared) !== null;
    const freshId = owner === undefined || owner === unknownValue ? unknownValue : defaultId(owner);
    return without(
      {
        ...canonicalise(declared, this.#kind.shape),
        id: declared.id ?? textAt(olds, "id") ?? freshId,
        home: declared.home ?? (remote ? defaultRemoteHome : this.#settings.home),
        runner: remote ? (declared.runner ?? textAt(olds, "runner") ?? readRelease()) : undefined,
        owner,
        health: healthy,
      },
      [],
    );
  }

  async #refuse(olds: Bag, inputs: Bag): Promise<string | undefined> {
    const previous = this.#recall(olds)?.declaration ?? null;
    if (previous !== null) this.#view(olds).noteKnownObject();
    if (findUnknownPaths(inputs).length > 0) return undefined;
    const { view, id, declaration } = this.#locate(inputs);
    const worker = describeWorker(inputs);
    const announced = this.#kind.announce(declaration, previous, worker).map((line) => `${id}: ${line}`);
    if (announced.length > 0) this.#shared.report(announced.join("\n"));
    if (previous === null || this.#settings.observe === "state") return undefined;
    const owner = textAt(inputs, "owner") ?? null;
    const declaredBefore = this.#declaredBefore.get(view)?.get(id) ?? previous;
    return this.#kind.refuse({ view, id, owner, declaration, previous, declaredBefore });
  }

  #findSettingsFault(declared: Bag): string | undefined {
    if (
      declared.home !== undefined ||
      findRemoteHost(declared) !== null ||
      absolutePath.safeParse(this.#settings.home).success
    )
      return undefined;
    return "posture:home (configuration): must be an absolute path";
  }

  #recall(props: Bag): Known<D> | null {
    const parsed = this.#kind.schema.safeParse(only(props, this.#kind.keys));
    if (!parsed.success) return null;
    return {
      declaration: parsed.data,
      createdAt: textAt(props, "createdAt") ?? new Date(0).toISOString(),
      state: props,
    };
  }

  #locate(inputs: Bag): { view: HomeView; id: string; declaration: D } {
    const declaration = this.#kind.schema.parse(only(inputs, this.#kind.keys));
    const id = textAt(inputs, "id");
    if (id === undefined) throw new PostureError("usage", "id: is missing");
    return { view: this.#view(inputs), id, declaration };
  }

  #view(bag: Bag): HomeView {
    const remote = findRemoteHost(bag);
    if (remote !== null) return this.#shared.remoteHosts.view(remote, textAt(bag, "home") ?? defaultRemoteHome);
    return this.#shared.openView(textAt(bag, "home") ?? this.#settings.home);
  }

  async #readRemotely(view: RemoteView, id: string, props: Bag): Promise<Looked> {
    try {
      return await readRemotely(view, this.#kind.jobKind, id, props);
    } catch (error) {
      if (isLookUp(props)) throw quiet(error);
      view.noteUnreachable(messageOf(error));
      return this.#echo(id, props, describeHealth([unreachableFault(messageOf(error))]));
    }
  }

  #rememberDeclared(view: HomeView, id: string, declaration: D): void {
    const declared = this.#declaredBefore.get(view) ?? new Map<string, D>();
    this.#declaredBefore.set(view, declared.set(id, declaration));
  }

  #requireSight(): void {
    if (this.#settings.observe === "state")
      throw new PostureError("usage", "posture:observe is state: this stack may be previewed, not changed");
  }
}

/** Who does the work of a declaration. Of a remote host only its own configuration may tell the account. */
function describeWorker(inputs: Bag): Worker {
  const remote = findRemoteHost(inputs);
  if (remote === null) return { account: userInfo().username, machine: "this machine" };
  return { account: remote.apply?.user ?? "the account that OpenSSH names", machine: remote.address };
}

/** With what says which machine it is in place of the whole host: how it is reached replaces nothing. */
function identify(placement: Bag): Bag {
  return placement.host === unknownValue ? placement : { ...placement, host: identifyHost(placement.host) };
}

function findRunnerFault(declared: Bag): string | undefined {
  const runner = textAt(declared, "runner");
  if (runner === undefined || runner === unknownValue || declared.host === unknownValue) return undefined;
  if (findRemoteHost(declared) === null) return "runner: is for a host of kind ssh only";
  const carried = readRelease();
  if (!releasePattern.test(runner) || isAtLeast(carried, runner)) return undefined;
  return `runner: this is pulumi-backup-posture ${carried}, which carries no later runner; install a release that does`;
}

/** Whether an object is not managed but only looked up: `create` leaves an incarnation in every state. */
function isLookUp(props: Bag): boolean {
  return textAt(props, "incarnation") === undefined;
}

/**
 * What stands on the host may be another object than the state's: a replacement that was killed before it was recorded has left it.
 * `update` makes it the state's again; that is not for `read` to do, since what is pending to be deleted is read as well.
 */
function findStranger(props: Bag, { incarnation }: Found): readonly Fault[] {
  if (isLookUp(props) || incarnation === null || incarnation === textAt(props, "incarnation")) return [];
  return [notInstalledFault("the job file is that of another object")];
}

function describeFaults(id: string, faults: readonly Fault[]): string {
  return sortFaults(faults)
    .map((fault) => `${id}: ${fault.sentence}\n  what to do: ${fault.remedy}`)
    .join("\n");
}
