import { formatMilliseconds, toMilliseconds } from "../../platform/durations";
import type { ControlId } from "./ids";
import type { Place, Posture, Protection } from "./model";
import { restores } from "./posture";
import type { ControlSettings, ControlsSettings, Level } from "./settings";

/** What a control found of one resource. */
export interface Observation {
  /** Null: of the stack as a whole. */
  readonly urn: string | null;
  readonly name: string;
  readonly found: string;
  readonly satisfiedBy: string;
}

/** A control: a question that a posture answers. */
export interface Control {
  readonly title: string;
  readonly asks: string;
  readonly level: Level;
  /** The figures that it goes by where the settings name none. */
  readonly defaults: ControlSettings;
  /** Everything that does not satisfy it. What is not known before `up` is passed over. */
  readonly judge: (
    posture: Posture,
    settings: ControlSettings & Pick<ControlsSettings, "process">,
    now: Date,
  ) => readonly Observation[];
}

/** All controls, by their ids. */
export const controls: Readonly<Record<ControlId, Control>> = {
  covered: {
    title: "Everything is covered",
    asks: "Every file share, snapshot and Lync or Skype for Business item of the stack, and every path that `paths` names, is backed up by a schedule or protected item.",
    level: "mandatory",
    defaults: { paths: [] },
    judge: ({ gaps, snapshots, protections }, { paths = [] }) => {
      const isRead = (path: string) => protections.some(({ sources }) => sources.some((source) => reads(source, path)));
      return [
        ...gaps.map(({ urn, name, what }) => ({
          urn,
          name,
          found: what,
          satisfiedBy:
            "declare a schedule or protected item for it, or evidence or a waiver where its own posture has them",
        })),
        ...snapshots
          .filter(({ path }) => path !== null && !isRead(path))
          .map(({ urn, name, path }) => ({
            urn,
            name,
            found: `no schedule reads ${path ?? ""}: its only recovery point is this snapshot`,
            satisfiedBy: "declare a BackupSchedule with it as a source",
          })),
        ...paths
          .filter((path) => !isRead(path))
          .map((path) => ({
            urn: null,
            name: path,
            found: `no schedule reads ${path}`,
            satisfiedBy: "declare a BackupSchedule with it as a source",
          })),
      ];
    },
  },
  frequency: {
    title: "Backups are frequent",
    asks: "Each schedule runs at least every `atMost`; days on which clocks are changed count as days.",
    level: "mandatory",
    defaults: { atMost: "1d" },
    judge: ({ protections }, { atMost = "1d" }) =>
      protections
        .filter(({ interval }) => interval !== null && interval > toMilliseconds(atMost))
        .map((each) => ({
          ...whose(each),
          found: `up to ${formatMilliseconds(each.interval ?? 0)} lie between two runs`,
          satisfiedBy: `run at least every ${atMost}`,
        })),
  },
  fresh: {
    title: "Staleness is noticed",
    asks: "A backup that stops is reported, by `rpo` and `grace`, before the last one is older than `atMost`; nothing is paused. (Whether backups are fresh, the gate observes.)",
    level: "mandatory",
    defaults: { atMost: "31d" },
    judge: ({ protections }, { atMost = "31d" }, now) => [
      ...protections
        .filter(({ noticedAfter }) => noticedAfter !== null && noticedAfter > toMilliseconds(atMost))
        .map((each) => ({
          ...whose(each),
          found: `a backup that stops is reported only after ${formatMilliseconds(each.noticedAfter ?? 0)}`,
          satisfiedBy: `declare an rpo that with grace is at most ${atMost}`,
        })),
      ...protections
        .filter(({ pausedUntil }) => pausedUntil !== null && new Date(pausedUntil) > now)
        .map((each) => ({
          ...whose(each),
          found: `it is paused until ${each.pausedUntil ?? ""}`,
          satisfiedBy: "end the pause, or waive this control until then",
        })),
    ],
  },
  "retention-floor": {
    title: "Retention reaches back",
    asks: "After a year, recovery points reach back at least `atLeast`.",
    level: "mandatory",
    defaults: { atLeast: "35d" },
    judge: ({ protections }, { atLeast = "35d" }) =>
      protections
        .filter(({ lookBack }) => lookBack !== null && lookBack < toMilliseconds(atLeast))
        .map((each) => ({
          ...whose(each),
          found: `its recovery points reach back ${formatMilliseconds(each.lookBack ?? 0)}`,
          satisfiedBy: `keep some for at least ${atLeast}`,
        })),
  },
  encrypted: {
    title: "Recovery points are encrypted",
    asks: "Every place that holds recovery points is encrypted at rest.",
    level: "advisory",
    defaults: {},
    judge: ({ protections }) =>
      protections.flatMap((each) =>
        each.places
          .filter(({ encrypted }) => !encrypted)
          .map(({ label }) => ({
            ...whose(each),
            found: `${label} is not known to be encrypted`,
            satisfiedBy: "use a store that encrypts, or encrypt the disk and say so in places",
          })),
      ),
  },
  "off-site": {
    title: "One copy is off-site",
    asks: "Of everything that is backed up, one copy lies where the loss of the site does not reach it.",
    level: "advisory",
    defaults: {},
    judge: (posture) =>
      lackingOneThat(
        posture,
        ({ offSite }) => offSite,
        "no copy is known to be off-site",
        "declare a copy at another site (for Azure: a vault with GeoRedundant storage and a vault tier), or say in places which is",
      ),
  },
  immutable: {
    title: "One copy is immutable or offline",
    asks: "Of everything that is backed up, one copy cannot be changed or deleted before its time.",
    level: "disabled",
    defaults: {},
    judge: (posture) =>
      lackingOneThat(
        posture,
        ({ immutable }) => immutable,
        "no copy is known to be immutable or offline",
        "declare a copy that is immutable (for Azure: a vault whose immutability is Locked), or say in places which is",
      ),
  },
  isolated: {
    title: "One copy is isolated",
    asks: "Of everything that is backed up, one copy is out of reach of whoever holds all rights over the original.",
    level: "disabled",
    defaults: {},
    judge: (posture) =>
      lackingOneThat(
        posture,
        ({ isolated }) => isolated,
        "no copy is known to be isolated",
        "declare a copy that is isolated, under another account or subscription (for Azure: a vault with a resource guard), or say in places which is",
      ),
  },
  copies: {
    title: "Copies",
    asks: "Of everything that is backed up there are at least `count` copies, the original among them.",
    level: "disabled",
    defaults: { count: 3 },
    judge: (posture, { count = 3 }) =>
      bySource(posture)
        .map(({ protection, source, places }) => ({
          protection,
          source,
          found: 1 + new Set(places.map(({ label }) => label)).size,
        }))
        .filter(({ found }) => found < count)
        .map(({ protection, source, found }) => ({
          ...whose(protection),
          found: `${source}: ${found} copies, the original among them`,
          satisfiedBy: `declare copies, so that it lies in ${count - 1} stores`,
        })),
  },
  media: {
    title: "Media",
    asks: "The original, which counts as disk, and its copies lie on at least `count` kinds of media.",
    level: "disabled",
    defaults: { count: 2 },
    judge: (posture, { count = 2 }) =>
      bySource(posture)
        .map(({ protection, source, places }) => ({
          protection,
          source,
          media: [...new Set(["disk", ...places.map(({ medium }) => medium)])],
        }))
        .filter(({ media }) => media.length < count)
        .map(({ protection, source, media }) => ({
          ...whose(protection),
          found: `${source}: only on ${media.join(", ")}`,
          satisfiedBy: "declare a copy on another medium, and say so in its medium or in places",
        })),
  },
  "deletion-guarded": {
    title: "Recovery points cannot be deleted by hand",
    asks: "In every place that holds recovery points, deleting by hand is prevented or can be undone.",
    level: "advisory",
    defaults: {},
    judge: ({ protections }) =>
      protections.flatMap((each) =>
        each.places
          .filter(({ deletionGuarded, immutable }) => !deletionGuarded && !immutable)
          .map(({ label }) => ({
            ...whose(each),
            found: `in ${label} recovery points can be deleted by hand, as far as is known`,
            satisfiedBy: "guard it (for Azure: soft delete), and say so in places",
          })),
      ),
  },
  verified: {
    title: "Recovery points are read back",
    asks: 'What each schedule takes is read back by drills, and each snapshot with `verify: "content"`.',
    level: "advisory",
    defaults: {},
    judge: ({ protections, targets, snapshots }) => [
      ...protections
        .filter((each) => each.canBeDrilled)
        .filter((each) => !targets.some((target) => restores(target, each) && target.drilledEvery !== undefined))
        .map((each) => ({
          ...whose(each),
          found: "nothing reads its recovery points back",
          satisfiedBy: "declare a RestoreTarget with a drill for it",
        })),
      ...snapshots
        .filter(({ readBack }) => readBack === false)
        .map(({ urn, name }) => ({
          urn,
          name,
          found: "only names and sizes of its recovery point are looked at",
          satisfiedBy: 'set verify: "content"',
        })),
    ],
  },
  "restore-tested": {
    title: "Restores are tested",
    asks: "Each schedule has a RestoreTarget whose drill takes place at least every `atMost`.",
    level: "mandatory",
    defaults: { atMost: "90d" },
    judge: ({ protections, targets }, { atMost = "90d" }) =>
      protections
        .filter((each) => each.canBeDrilled)
        .flatMap((each) => {
          const drills = targets.filter((target) => restores(target, each)).map(({ drilledEvery }) => drilledEvery);
          const isTested = drills.some(
            (every) => every === null || (every !== undefined && every <= toMilliseconds(atMost)),
          );
          if (isTested) return [];
          const seldom = drills.filter((every) => typeof every === "number");
          const found =
            seldom.length === 0
              ? "no drill restores what it takes"
              : `its restore is drilled only every ${formatMilliseconds(Math.min(...seldom))}`;
          return [
            {
              ...whose(each),
              found,
              satisfiedBy: `declare a RestoreTarget for it with drill.every of at most ${atMost}`,
            },
          ];
        }),
  },
  "restore-in-time": {
    title: "Restores are timed",
    asks: "Each RestoreTarget with a drill declares a `maxRestoreTime`, of at most `atMost` where that is set. (Whether it is kept, the gate observes.)",
    level: "advisory",
    defaults: {},
    judge: ({ targets }, { atMost }) =>
      targets
        .filter(({ drilledEvery }) => drilledEvery !== undefined)
        .flatMap(({ urn, name, maxRestoreTime }) => {
          if (maxRestoreTime === undefined)
            return [
              { urn, name, found: "no maxRestoreTime is declared", satisfiedBy: "declare how long a restore may take" },
            ];
          if (maxRestoreTime === null || atMost === undefined || maxRestoreTime <= toMilliseconds(atMost)) return [];
          return [
            {
              urn,
              name,
              found: `a restore may take ${formatMilliseconds(maxRestoreTime)}`,
              satisfiedBy: `declare a maxRestoreTime of at most ${atMost}`,
            },
          ];
        }),
  },
  "process-reviewed": {
    title: "The process is written and reviewed",
    asks: "The settings name the document of the backup process, and a review of it that is not older than `atMost`.",
    level: "disabled",
    defaults: { atMost: "365d" },
    judge: (_posture, { atMost = "365d", process }, now) => {
      if (process === undefined)
        return [
          ofStack("no document of the backup process is named", "name it, and the day of its review, in process"),
        ];
      const end = Date.parse(process.reviewedOn) + toMilliseconds(atMost) + toMilliseconds("1d");
      if (now.getTime() < end) return [];
      const found = `the backup process was last reviewed on ${process.reviewedOn}`;
      return [ofStack(found, `review it at least every ${atMost}, and say so in process.reviewedOn`)];
    },
  },
};

function whose({ urn, name }: Protection): Pick<Observation, "urn" | "name"> {
  return { urn, name };
}

function ofStack(found: string, satisfiedBy: string): Observation {
  return { urn: null, name: "the stack", found, satisfiedBy };
}

/** Whether what a source says it reads is a path, or holds it. */
function reads(source: string, path: string): boolean {
  const root = source.replace(/^(file-share|lync-file-store) /, "");
  return path === root || path.startsWith(`${root}/`) || path.startsWith(`${root}\\`);
}

/** Everything that is backed up, with all places that hold it and the first that protects it, by name. */
function bySource({ protections }: Posture) {
  const known = new Map<
    string,
    { readonly protection: Protection; readonly source: string; readonly places: Place[] }
  >();
  const ordered = [...protections].sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const protection of ordered.filter(({ places }) => places.length > 0))
    for (const source of protection.sources) {
      const entry = known.get(source) ?? { protection, source, places: [] };
      entry.places.push(...protection.places);
      known.set(source, entry);
    }
  return [...known.values()];
}

function lackingOneThat(
  posture: Posture,
  holds: (place: Place) => boolean,
  found: string,
  satisfiedBy: string,
): readonly Observation[] {
  return bySource(posture)
    .filter(({ places }) => !places.some(holds))
    .map(({ protection, source }) => ({ ...whose(protection), found: `${source}: ${found}`, satisfiedBy }));
}
