import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { canonicalise } from "../declaration/canonical";
import { formatInstant, now } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { entryOf } from "../platform/records";
import { scheduleShape } from "../schedule/defaults";
import type { Keep, ScheduleDeclaration } from "../schedule/schema";
import { compareRetention } from "../snapshot/retention";
import { groupRetainable } from "../snapshot/sets";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { SourceDeclaration } from "../sources/schema";
import { describeCopiesChange, findCopyLosses } from "./copy-loss";
import type { Change } from "./kind";
import { countPoints, type Loss, uncounted } from "./loss";

type ScheduleChange = Change<ScheduleDeclaration>;

/**
 * Refuses a change that deletes recovery points which the old retention keeps, or that stops protecting what has recovery points, unless the
 * declaration carries the token of this very change. The token binds the resource, the old and the new settings, how many points are
 * concerned and up to when: on `up` all of it is counted again, and a change that would by then concern more is refused.
 *
 * @returns why it is refused, with the token that accepts it, or undefined.
 * @throws PostureError `unreachable` when the store cannot be looked at.
 */
export async function refuseLoss(change: ScheduleChange): Promise<string | undefined> {
  const losses = await findLosses(change);
  const [first] = losses;
  if (first === undefined) return undefined;
  const whole = {
    verb: losses.some(({ verb }) => verb === "delete") ? "delete" : "unprotect",
    points: Math.min(
      losses.reduce((sum, { points }) => sum + points, 0),
      uncounted.points,
    ),
    cutOff: new Date(Math.max(...losses.map(({ cutOff }) => cutOff.getTime()))),
  } as const;
  const given = change.declaration.acknowledgeDataLoss;
  if (isConsentedTo(change, whole, given)) return undefined;
  const another =
    given === undefined
      ? ""
      : `; the token in acknowledgeDataLoss is that of another change, or more would be ${whole.verb === "delete" ? "deleted" : "left"} by now`;
  return `${losses.map(({ sentence }) => sentence).join("; ")}; to accept exactly this, set acknowledgeDataLoss: "${makeToken(change, whole)}"${another}`;
}

async function findLosses(change: ScheduleChange): Promise<readonly Loss[]> {
  const list = (store: StoreDeclaration) => listStored(change, store);
  return [...(await findOwnLosses(change)), ...(await findCopyLosses({ ...change, list }))];
}

async function findOwnLosses(change: ScheduleChange): Promise<readonly Loss[]> {
  const { declaration, previous, declaredBefore } = change;
  if (!isDeepStrictEqual(declaredBefore.store, declaration.store)) return findLeft(change);
  const stopped = findStopped(declaredBefore, declaration);
  const keptAlike = isDeepStrictEqual(canonicalKeep(previous), canonicalKeep(declaration));
  if (stopped.length === 0 && keptAlike) return [];
  const points = await listPoints(change, previous);
  return [
    ...(keptAlike ? [] : findDeleted(change, points)),
    ...stopped.flatMap((stop) => findUnprotected(stop, points)),
  ];
}

/** A shorter retention deletes. */
function findDeleted({ declaration, previous }: ScheduleChange, points: readonly RecoveryPoint[]): readonly Loss[] {
  const lost = compareRetention(groupRetainable(points), previous.keep, declaration.keep, {
    timeZone: declaration.when.timeZone ?? "UTC",
    now: now(),
  });
  const [newest] = lost;
  const oldest = lost.at(-1);
  if (newest === undefined || oldest === undefined) return [];
  const count = lost.reduce((sum, set) => sum + set.points.length, 0);
  const sentence = `keep: this retention deletes ${countPoints(count)} of ${lost.length} run${lost.length === 1 ? "" : "s"}, from ${formatInstant(oldest.startedAt)} to ${formatInstant(newest.startedAt)}, which the old one keeps`;
  return [{ verb: "delete", points: count, cutOff: newest.startedAt, sentence }];
}

/** Another store leaves behind what the old one holds. */
async function findLeft(change: ScheduleChange): Promise<readonly Loss[]> {
  let points: readonly RecoveryPoint[];
  try {
    points = await listPoints(change, change.declaredBefore);
  } catch (error) {
    if (!(error instanceof PostureError)) throw error;
    const sentence = `store: what the old store holds cannot be counted (${messageOf(error)}); whatever it is, this change stops protecting it`;
    return [{ verb: "unprotect", ...uncounted, sentence }];
  }
  const newest = points.at(-1);
  if (newest === undefined) return [];
  const sentence = `store: this change stops protecting ${countPoints(points.length)} in the old store, the newest of ${formatInstant(newest.startedAt)}: they stay, and nothing prunes, verifies or restores them for this schedule any more`;
  return [{ verb: "unprotect", points: points.length, cutOff: newest.startedAt, sentence }];
}

/** A source that is no longer captured, by its name, and how its declaration says so. */
interface Stopped {
  readonly name: string;
  readonly how: "removed" | "moved";
  readonly from: string;
  readonly to: string | null;
}

function findStopped(before: ScheduleDeclaration, after: ScheduleDeclaration): readonly Stopped[] {
  return Object.entries(before.sources).flatMap(([name, source]): readonly Stopped[] => {
    const standing = entryOf(after.sources, name);
    const from = describeOrigin(source);
    if (standing === undefined) return [{ name, how: "removed", from, to: null }];
    const to = describeOrigin(standing);
    return from === to ? [] : [{ name, how: "moved", from, to }];
  });
}

/** What of a source does not say where its data comes from: what is left out, how it is reached and judged. */
const apartFromOrigin = new Set([
  ...["exclude", "workload", "timeout", "credentials", "environment"],
  ...["exitCodes", "minBytes", "startsWith", "contains"],
]);

function describeOrigin(source: SourceDeclaration): string {
  const settings = Object.entries(source).filter(([key]) => !apartFromOrigin.has(key));
  return JSON.stringify(settings.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function findUnprotected({ name, how }: Stopped, points: readonly RecoveryPoint[]): readonly Loss[] {
  const ofSource = points.filter(({ source }) => source === name);
  const newest = ofSource.at(-1);
  if (newest === undefined) return [];
  const what = how === "removed" ? "this source" : "what this source has read so far";
  const sentence = `sources.${name}: this change stops protecting ${what}: ${countPoints(ofSource.length)}, the newest of ${formatInstant(newest.startedAt)}, get no successor`;
  return [{ verb: "unprotect", points: ofSource.length, cutOff: newest.startedAt, sentence }];
}

async function listPoints(change: ScheduleChange, { store }: ScheduleDeclaration) {
  return listStored(change, store);
}

async function listStored({ view, id }: ScheduleChange, store: StoreDeclaration) {
  try {
    return await view.listPoints(store, id);
  } catch (cause) {
    const message = `what this change would delete or stop protecting cannot be counted: ${messageOf(cause)}`;
    throw new PostureError("unreachable", message, { cause });
  }
}

/** The token says in clear how many and up to when, so that it can be compared with what would be concerned by now. */
function makeToken(change: ScheduleChange, loss: Omit<Loss, "sentence">): string {
  const stamp = stampOf(loss.cutOff);
  return `${loss.verb}-${loss.points}-until-${stamp}-${bind(change, loss.points, stamp)}`;
}

function isConsentedTo(change: ScheduleChange, loss: Omit<Loss, "sentence">, token: string | undefined): boolean {
  const match = /^(delete|unprotect)-(\d+)-until-(\d{8}T\d{6}Z)-([0-9a-f]{16})$/.exec(token ?? "");
  if (match === null) return false;
  const [, verb, points = "", stamp = "", digest = ""] = match;
  if (digest !== bind(change, Number(points), stamp) || (verb === "unprotect" && loss.verb === "delete")) return false;
  return loss.points <= Number(points) && stampOf(loss.cutOff) <= stamp;
}

function bind(change: ScheduleChange, points: number, stamp: string): string {
  const { id, owner, declaration, previous, declaredBefore } = change;
  const settings = [
    [canonicalKeep(previous), canonicalKeep(declaration)],
    isDeepStrictEqual(declaredBefore.store, declaration.store) ? [] : [declaredBefore.store, declaration.store],
    findStopped(declaredBefore, declaration),
    ...describeCopiesChange(change),
  ];
  const bound = JSON.stringify([owner, id, ...settings, points, stamp]);
  return createHash("sha256").update(bound).digest("hex").slice(0, 16);
}

function stampOf(instant: Date): string {
  return formatInstant(instant).replace(/[-:]/g, "");
}

/** With its keys in order, so that equal settings have equal digests. */
function canonicalKeep({ keep }: { readonly keep?: Keep | undefined }): readonly (readonly [string, unknown])[] {
  const canonical = canonicalise(keep ?? {}, scheduleShape.fields?.keep ?? {});
  return Object.entries(canonical).sort(([left], [right]) => (left < right ? -1 : 1));
}
