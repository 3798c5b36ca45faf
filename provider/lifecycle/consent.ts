import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { canonicalise } from "../declaration/canonical";
import { formatInstant, now } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { scheduleShape } from "../schedule/defaults";
import type { Keep, ScheduleDeclaration } from "../schedule/schema";
import { compareRetention } from "../snapshot/retention";
import { groupRetainable } from "../snapshot/sets";
import type { Change } from "./kind";

/** What a shorter retention would delete that the old one keeps. */
interface Loss {
  readonly sets: number;
  readonly points: number;
  readonly oldest: Date;
  /** The newest recovery set that would go: consent reaches no further. */
  readonly cutOff: Date;
}

/**
 * Refuses a retention that deletes recovery points which the old one keeps, unless the declaration carries the token of this
 * very change. The token binds the resource, the old and the new settings, how many go and up to when: on `up` all of it
 * is counted again, and a change that would by then delete more is refused.
 *
 * @returns why it is refused, with the token that accepts it, or undefined.
 * @throws PostureError `unreachable` when the store cannot be looked at.
 */
export async function refuseShorterRetention(change: Change<ScheduleDeclaration>): Promise<string | undefined> {
  const { declaration, previous } = change;
  if (isDeepStrictEqual(canonicalKeep(previous), canonicalKeep(declaration))) return undefined;
  const loss = await countLoss(change);
  if (loss === null || isConsentedTo(change, loss, declaration.acknowledgeDataLoss)) return undefined;
  const what = `keep: this retention deletes ${loss.points} recovery point${loss.points === 1 ? "" : "s"} of ${loss.sets} run${loss.sets === 1 ? "" : "s"}, from ${formatInstant(loss.oldest)} to ${formatInstant(loss.cutOff)}, which the old one keeps`;
  const given =
    declaration.acknowledgeDataLoss === undefined
      ? ""
      : "; the token in acknowledgeDataLoss is that of another change, or more would be deleted by now";
  return `${what}; to accept exactly this, set acknowledgeDataLoss: "${makeToken(change, loss)}"${given}`;
}

async function countLoss({ view, id, declaration, previous }: Change<ScheduleDeclaration>): Promise<Loss | null> {
  let points: Awaited<ReturnType<typeof view.listPoints>>;
  try {
    points = await view.listPoints(previous.store, id);
  } catch (cause) {
    throw new PostureError(
      "unreachable",
      `keep: what the new retention would delete cannot be counted: ${messageOf(cause)}`,
      { cause },
    );
  }
  const lost = compareRetention(groupRetainable(points), previous.keep, declaration.keep, {
    timeZone: declaration.when.timeZone ?? "UTC",
    now: now(),
  });
  const [newest] = lost;
  const oldest = lost.at(-1);
  if (newest === undefined || oldest === undefined) return null;
  return {
    sets: lost.length,
    points: lost.reduce((sum, set) => sum + set.points.length, 0),
    oldest: oldest.startedAt,
    cutOff: newest.startedAt,
  };
}

/** The token says in clear how many and up to when, so that it can be compared with what would go by now. */
function makeToken(change: Change<ScheduleDeclaration>, loss: Pick<Loss, "points" | "cutOff">): string {
  const stamp = formatInstant(loss.cutOff).replace(/[-:]/g, "");
  return `delete-${loss.points}-until-${stamp}-${bind(change, loss.points, stamp)}`;
}

function isConsentedTo(change: Change<ScheduleDeclaration>, loss: Loss, token: string | undefined): boolean {
  const match = /^delete-(\d+)-until-(\d{8}T\d{6}Z)-([0-9a-f]{16})$/.exec(token ?? "");
  if (match === null) return false;
  const [, points = "", stamp = "", digest = ""] = match;
  if (digest !== bind(change, Number(points), stamp)) return false;
  const cutOff = formatInstant(loss.cutOff).replace(/[-:]/g, "");
  return loss.points <= Number(points) && cutOff <= stamp;
}

function bind(
  { id, owner, declaration, previous }: Change<ScheduleDeclaration>,
  points: number,
  stamp: string,
): string {
  const bound = JSON.stringify([owner, id, canonicalKeep(previous), canonicalKeep(declaration), points, stamp]);
  return createHash("sha256").update(bound).digest("hex").slice(0, 16);
}

/** With its keys in order, so that equal settings have equal digests. */
function canonicalKeep({ keep }: { readonly keep?: Keep | undefined }): readonly (readonly [string, unknown])[] {
  const canonical = canonicalise(keep ?? {}, scheduleShape.fields?.keep ?? {});
  return Object.entries(canonical).sort(([left], [right]) => (left < right ? -1 : 1));
}
