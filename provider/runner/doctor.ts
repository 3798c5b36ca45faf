import { randomUUID } from "node:crypto";
import { access, constants, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecretReference } from "../declaration/primitives";
import { listReferences } from "../notify/references";
import { clockTolerance, formatInstant, isAheadOfClock, now } from "../platform/clock";
import { formatMilliseconds } from "../platform/durations";
import { messageOf, PostureError, systemCodeOf } from "../platform/errors";
import { resolveSecret } from "../platform/secrets";
import { readEvidence } from "../restore/evidence";
import { probePlace } from "../restore/place";
import { describePlace, type StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { SourceDeclaration } from "../sources/schema";
import { examineAsAccounts, otherAccountOf } from "./doctor-accounts";
import { examineSchedulers } from "./doctor-schedulers";
import { type Drivers, standardDrivers } from "./drivers";
import { isFired } from "./entries";
import { bad, type Finding, good, warning } from "./finding";
import { type Home, requireHome } from "./home";
import { type DrillJob, findJob, type Job, listJobIds, type ScheduleJob } from "./job";
import { storesOf } from "./places";

const leastNode = [20, 19] as const;

/**
 * Examines everything that a posture needs on this host: Node, home, clock, jobs, schedulers, stores, sources, secrets, restore places and
 * evidence, each as the account that its job runs as. Reports all that it finds and throws for nothing of it.
 *
 * @param options.ownNeeds only what the runs of this account need: no schedulers, and no jobs of other accounts.
 */
export async function examine(
  home: Home,
  signal: AbortSignal,
  options: { readonly ownNeeds?: boolean; readonly drivers?: Drivers } = {},
): Promise<readonly Finding[]> {
  const { ownNeeds = false, drivers = standardDrivers } = options;
  const findings: Finding[] = [examineNode(process.versions.node)];
  const homeFinding = await examineHome(home);
  findings.push(homeFinding);
  if (homeFinding.state === "bad") return findings;
  findings.push(await examineClock(home));
  const { jobs, damaged } = await readJobs(home);
  findings.push(...damaged);
  if (!ownNeeds) findings.push(...(await examineSchedulers(home, jobs.filter(isFired), signal)));
  const stores = new Examined(drivers, signal);
  const own = jobs.filter((job) => otherAccountOf(job) === null);
  for (const store of own.flatMap(storesOf)) findings.push(...(await stores.examine(store)));
  for (const job of own) findings.push(...(await examineJob(home, job, stores, drivers, signal)));
  return ownNeeds ? findings : [...findings, ...(await examineAsAccounts(home, jobs, signal))];
}

/** Exported for its table of cases. */
export function examineNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (enough) return good("node", "", `version ${version}`);
  return bad("node", "", `version ${version} is too old`, `install Node ${leastNode.join(".")} or later`);
}

async function examineHome(home: Home): Promise<Finding> {
  try {
    await requireHome(home);
    return good("home", home.root, "is there");
  } catch (error) {
    return bad(
      "home",
      home.root,
      messageOf(error),
      `mount it or grant this account access; a new one is made by: backup-posture init --home ${home.root}`,
    );
  }
}

/** Compares the clock of the home's file system with this host's, which also shows whether the home can be written to. */
async function examineClock(home: Home): Promise<Finding> {
  const probe = join(home.root, `.probe-${randomUUID()}`);
  try {
    await writeFile(probe, "", { flag: "wx", mode: 0o600 });
    const offset = (await stat(probe)).mtimeMs - Date.now();
    if (Math.abs(offset) <= clockTolerance) return good("clock", "", formatInstant(now()));
    return bad(
      "clock",
      home.root,
      `its file system's clock is ${formatMilliseconds(offset)} beside this host's`,
      "set both by NTP",
    );
  } catch (error) {
    return bad(
      "home",
      home.root,
      `cannot be written to (${systemCodeOf(error) ?? "unknown error"})`,
      "grant the runner's account write access, or free some space",
    );
  } finally {
    await rm(probe, { force: true }).catch(() => undefined); // told above where it could not be made; what is left is empty
  }
}

async function readJobs(home: Home): Promise<{ jobs: readonly Job[]; damaged: readonly Finding[] }> {
  const jobs: Job[] = [];
  const damaged: Finding[] = [];
  for (const id of await listJobIds(home)) {
    const found = await findJob(home, id);
    if (found.state === "present") jobs.push(found.job);
    else if (found.state !== "absent")
      damaged.push(bad("job", id, `its file is ${found.state}: ${found.why}`, "pulumi up --refresh writes it anew"));
  }
  return { jobs, damaged };
}

/** Stores, each looked at once. */
class Examined {
  readonly #points = new Map<string, readonly RecoveryPoint[]>();

  constructor(
    readonly drivers: Drivers,
    readonly signal: AbortSignal,
  ) {}

  /** The findings of a store that was not looked at before. */
  async examine(declaration: StoreDeclaration): Promise<readonly Finding[]> {
    const key = JSON.stringify(declaration);
    if (this.#points.has(key)) return [];
    this.#points.set(key, []);
    try {
      const points = await this.drivers.openStore(declaration).list({}, this.signal);
      this.#points.set(key, points);
      const writable = await examineWritable(declaration);
      return [describeStore(declaration, points), ...describeFuture(declaration, points), ...writable];
    } catch (error) {
      this.signal.throwIfAborted();
      return [bad("store", describePlace(declaration), messageOf(error), adviseOnStore(declaration))];
    }
  }

  pointsOf(declaration: StoreDeclaration, schedule: string): readonly RecoveryPoint[] {
    return (this.#points.get(JSON.stringify(declaration)) ?? []).filter((point) => point.schedule === schedule);
  }
}

async function examineWritable(declaration: StoreDeclaration): Promise<readonly Finding[]> {
  if (declaration.kind !== "directory") return [];
  const { path } = declaration;
  try {
    await access(path, constants.W_OK);
    return [];
  } catch (error) {
    const why = systemCodeOf(error) ?? "unknown error";
    return [bad("store", path, `cannot be written to (${why})`, "grant the account that runs the backup write access")];
  }
}

/** What to do about a store that cannot be looked at, beside what the message says. */
function adviseOnStore(store: StoreDeclaration): string {
  if (store.kind === "restic") return "see what the message says, as the account that runs the schedule";
  return `mount it or grant this account access; a new one is made by: backup-posture init --store ${describePlace(store)}`;
}

function describeStore(declaration: StoreDeclaration, points: readonly RecoveryPoint[]): Finding {
  const path = describePlace(declaration);
  const damaged = points.filter((point) => point.damage !== null).length;
  if (damaged === 0) return good("store", path, `${points.length} recovery point${points.length === 1 ? "" : "s"}`);
  return bad(
    "store",
    path,
    `${damaged} of ${points.length} recovery points are damaged`,
    "backup-posture verify names what is affected; backup-posture purge --damaged gives it up",
  );
}

function describeFuture(declaration: StoreDeclaration, points: readonly RecoveryPoint[]): readonly Finding[] {
  const ahead = points.findLast((point) => isAheadOfClock(point.startedAt, now()));
  if (ahead === undefined) return [];
  return [
    bad(
      "clock",
      describePlace(declaration),
      `a recovery point is dated ${formatInstant(ahead.startedAt)}, in the future; pruning is suspended`,
      "correct the clock that is wrong",
    ),
  ];
}

async function examineJob(
  home: Home,
  job: Job,
  stores: Examined,
  drivers: Drivers,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  switch (job.kind) {
    case "schedule":
      return [...(await examineSources(job, drivers, signal)), ...(await examineSecrets(job.id, listSecrets(job)))];
    case "snapshot":
      return [
        await examineSource(
          job.id,
          drivers.openSource({ kind: "file-share", ...job.declaration.share }).probe(signal),
          signal,
        ),
      ];
    case "drill":
      return [
        await examinePlace(job, stores),
        ...(await examineEvidence(home, job)),
        ...(await examineSecrets(job.id, listNotifierSecrets(job))),
      ];
  }
}

async function examineSources(job: ScheduleJob, drivers: Drivers, signal: AbortSignal): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, source] of Object.entries(job.declaration.sources))
    findings.push(await examineSource(`${job.id} ${name}`, drivers.openSource(source).probe(signal), signal));
  return findings;
}

async function examineSource(of: string, probe: Promise<void>, signal: AbortSignal): Promise<Finding> {
  try {
    await probe;
    return good("source", of, "can be read");
  } catch (error) {
    signal.throwIfAborted();
    return bad("source", of, messageOf(error), "see what the message says, as the account that runs the schedule");
  }
}

/** What a secret is for, and where it is to be found. */
type NamedSecret = readonly [string, SecretReference];

/** The secrets that a schedule refers to. */
function listSecrets(job: ScheduleJob): readonly NamedSecret[] {
  const { hooks = {}, sources } = job.declaration;
  return [
    ...Object.entries(sources).flatMap(([source, declared]) =>
      Object.entries(environmentOf(declared)).map(
        ([variable, reference]) => [`source ${source}, variable ${variable}`, reference] as const,
      ),
    ),
    ...Object.entries(hooks).flatMap(([hook, { environment = {} }]) =>
      Object.entries(environment).map(
        ([variable, reference]) => [`hook ${hook}, variable ${variable}`, reference] as const,
      ),
    ),
    ...listNotifierSecrets(job),
  ];
}

function listNotifierSecrets({ declaration: { notify = {} } }: ScheduleJob | DrillJob): readonly NamedSecret[] {
  return Object.entries(notify).flatMap(([name, notifier]) =>
    listReferences(notifier).map(([key, reference]) => [`${notifier.kind} ${name}, ${key}`, reference] as const),
  );
}

/** A secret that this account cannot resolve may well be there for the account that runs the job. */
async function examineSecrets(id: string, secrets: readonly NamedSecret[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [what, reference] of secrets)
    try {
      await resolveSecret(reference, what);
    } catch (error) {
      if (!(error instanceof PostureError)) throw error;
      const advice = "provide it where the scheduler starts the runner";
      findings.push(warning("secret", id, error.message, advice));
    }
  return findings;
}

function environmentOf(source: SourceDeclaration): Readonly<Record<string, SecretReference>> {
  return source.kind === "command" ? (source.environment ?? {}) : {};
}

async function examinePlace(job: DrillJob, stores: Examined): Promise<Finding> {
  const { from, to } = job.declaration;
  const points = stores.pointsOf(from.store, from.schedule);
  const newest = points.filter((point) => point.set.id === points.at(-1)?.set.id);
  const place = await probePlace(
    to,
    newest.reduce((sum, point) => sum + point.bytes, 0),
  );
  if (place.usable) return good("place", to, "can take a restore");
  return bad("place", to, place.why, "make it, mount it, or grant this account write access");
}

async function examineEvidence(home: Home, job: DrillJob): Promise<readonly Finding[]> {
  try {
    const { records, chain } = await readEvidence(home, job.id);
    if (chain.state === "ok")
      return [good("evidence", job.id, `${records.length} record${records.length === 1 ? "" : "s"}`)];
    return [
      bad(
        "evidence",
        job.id,
        `is broken: ${chain.why}`,
        `keep it for whoever must know, then: backup-posture drill ${job.id} --restart-evidence`,
      ),
    ];
  } catch (error) {
    if (!(error instanceof PostureError)) throw error;
    return [bad("evidence", job.id, error.message, "grant this account access")];
  }
}
