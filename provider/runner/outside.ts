import type { Fault } from "../declaration/health";
import { formatInstant, isAheadOfClock } from "../platform/clock";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import type { Outside } from "../schedule/schema";

/** When something outside was backed up, as far as that is known; undefined: its probe could not tell. */
export type LastOutsideBackup = Date | undefined;

/**
 * What is wrong with what others back up. Pure: the moment, and what probes told, are given.
 *
 * @param lastSet when the last good recovery set of the schedule was begun; null: there is none, and distances are not judged.
 */
export function findOutsideFaults(
  outside: Readonly<Record<string, Outside>>,
  probed: ReadonlyMap<string, LastOutsideBackup>,
  moment: Date,
  lastSet: Date | null,
): readonly Fault[] {
  return Object.entries(outside).flatMap(([name, item]) => {
    switch (item.kind) {
      case "waiver":
        return new Date(item.until) <= moment ? [expired(`${name}: waived until ${item.until}`)] : [];
      case "evidence":
        return judge(name, new Date(item.at), new Date(item.until), item.within, moment, lastSet);
      case "probe": {
        const at = probed.get(name);
        if (at === undefined) return [notKnown(name)];
        const until = new Date(at.getTime() + toMilliseconds(item.maxAge));
        return judge(name, at, until, item.within, moment, lastSet);
      }
    }
  });
}

function judge(
  name: string,
  at: Date,
  until: Date,
  within: string | undefined,
  moment: Date,
  lastSet: Date | null,
): readonly Fault[] {
  if (isAheadOfClock(at, moment)) return [expired(`${name}: of ${formatInstant(at)}, which is in the future`)];
  if (until <= moment) return [expired(`${name}: of ${formatInstant(at)}, until ${formatInstant(until)}`)];
  if (within === undefined || lastSet === null) return [];
  const distance = Math.abs(at.getTime() - lastSet.getTime());
  if (distance <= toMilliseconds(within)) return [];
  return [
    {
      kind: "evidence too far",
      sentence: `evidence too far: ${name}: of ${formatInstant(at)}, ${formatMilliseconds(distance)} from the recovery set of ${formatInstant(lastSet)}, at most ${within}`,
      remedy: "back both up at the same time, and tell of it",
      mendedByRun: false,
    },
  ];
}

function expired(what: string): Fault {
  return {
    kind: "evidence expired",
    sentence: `evidence expired: ${what}`,
    remedy: "see that it is backed up, and renew the evidence or the decision in the program",
    mendedByRun: false,
  };
}

function notKnown(name: string): Fault {
  return {
    kind: "evidence not known",
    sentence: `evidence not known: ${name}: its probe tells no time`,
    remedy: "run the probe by hand as this account: it must print an ISO 8601 instant, and end with exit code 0",
    mendedByRun: false,
  };
}
