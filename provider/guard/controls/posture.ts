import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { formatShareAddress } from "../../declaration/azure-share";
import { toMilliseconds } from "../../platform/durations";
import { restoreTargetSchema } from "../../restore/schema";
import { defaultGrace } from "../../schedule/defaults";
import { copySchema, scheduleSchema } from "../../schedule/schema";
import { describeSource, sourceSchema } from "../../sources/schema";
import { simulateAge, simulateAgeOnEvenClocks, simulateRetention } from "../simulate";
import { readAzure } from "./azure";
import { findFacts, type Gap, type Place, type Posture, type Protection, type Snapshot, type Target } from "./model";
import { holdsUnknown, type PlainResource, textAt, unknownProperty, valueAt } from "./properties";
import type { PlaceFacts, PlacesByPath } from "./settings";

const token = "pulumi-nodejs:dynamic/backup-posture:";
const simulatedSchema = scheduleSchema.pick({ when: true, keep: true, expectedDuration: true, rpo: true }).strip();
const targetSchema = restoreTargetSchema.pick({ drill: true, maxRestoreTime: true }).strip();

/** Reads what a stack's resources declare about backups. What is not known yet is null, and nothing is concluded from it. */
export function readPosture(resources: readonly PlainResource[], places: PlacesByPath): Posture {
  const ofKind = (kind: string) => resources.filter(({ type }) => type === `${token}${kind}`);
  const azure = readAzure(resources, places);
  return {
    protections: [...ofKind("BackupSchedule").map((each) => readSchedule(each, places)), ...azure.protections],
    targets: ofKind("RestoreTarget").map(readTarget),
    snapshots: ofKind("FileShareSnapshot").map(readSnapshot),
    gaps: [...azure.gaps, ...resources.flatMap(readLyncGaps)],
  };
}

/** Whether a target restores what a schedule takes; true as well where that cannot be told before `up`. */
export function restores(target: Target, { id, store }: Protection): boolean {
  if (target.of !== null && id !== null) return target.of === id;
  return holdsUnknown([target.store, store]) || isDeepStrictEqual(target.store, store);
}

function readSchedule({ urn, name, properties }: PlainResource, places: PlacesByPath): Protection {
  const simulated = simulatedSchema.safeParse(properties);
  const sources = z.record(z.string(), z.unknown()).safeParse(properties.sources);
  const store = properties.store;
  return {
    urn,
    name,
    id: textAt(properties, "id") ?? null,
    sources: sources.success ? Object.values(sources.data).flatMap(readSource) : [],
    interval: simulated.success ? simulateAgeOnEvenClocks({ when: simulated.data.when }) : null,
    noticedAfter: simulated.success ? readNoticedAfter(simulated.data, properties.grace) : null,
    pausedUntil: textAt(properties, "paused.until") ?? null,
    lookBack: simulated.success ? readLookBack(simulated.data) : null,
    store,
    places: [
      ...readPlaces(store, places, {}),
      ...Object.values(z.record(z.string(), z.unknown()).catch({}).parse(properties.copies)).flatMap((copy) =>
        readPlaces(valueAt(copy, "store"), places, readCopyFacts(copy)),
      ),
    ],
    canBeDrilled: true,
  };
}

function readNoticedAfter(declared: z.infer<typeof simulatedSchema>, grace: unknown): number | null {
  if (grace === unknownProperty) return null;
  const rpo = declared.rpo === undefined ? simulateAge(declared).worstCase.milliseconds : toMilliseconds(declared.rpo);
  return rpo + toMilliseconds(typeof grace === "string" ? grace : defaultGrace);
}

function readLookBack(declared: z.infer<typeof simulatedSchema>): number {
  const { lookBackMilliseconds, stillGrowing } = simulateRetention(declared);
  return stillGrowing ? Number.POSITIVE_INFINITY : lookBackMilliseconds;
}

function readSource(source: unknown): readonly string[] {
  const parsed = sourceSchema.safeParse(source);
  return parsed.success ? [describeSource(parsed.data)] : [];
}

const copyFactsSchema = copySchema
  .pick({ site: true, medium: true, immutable: true, isolated: true, encrypted: true, deletionGuarded: true })
  .strip();

/** What the declaration of a copy says of the place where it lies; nothing where that is not known before `up`. */
function readCopyFacts(copy: unknown): PlaceFacts {
  const parsed = copyFactsSchema.safeParse(copy);
  if (!parsed.success) return {};
  const { site, ...facts } = parsed.data;
  return { ...facts, ...(site === undefined ? {} : { offSite: true }) };
}

/** What the settings say of a path goes before what the declaration says; of a directory nothing else is known, and
 * snapshots of an Azure share lie beside it. */
function readPlaces(store: unknown, places: PlacesByPath, declared: PlaceFacts): readonly Place[] {
  const inAzure = textAt(store, "kind") === "azure-files";
  const label = inAzure ? addressOf(store) : (textAt(store, "path") ?? textAt(store, "repository"));
  if (label === undefined) return [];
  const facts = { ...declared, ...findFacts(label, places) };
  const encrypts = inAzure || textAt(store, "kind") === "restic";
  return [
    {
      label,
      medium: facts.medium ?? (inAzure ? "azure-snapshot" : "disk"),
      encrypted: facts.encrypted ?? encrypts,
      offSite: facts.offSite ?? false,
      immutable: facts.immutable ?? false,
      isolated: facts.isolated ?? false,
      deletionGuarded: facts.deletionGuarded ?? false,
    },
  ];
}

function addressOf(store: unknown): string | undefined {
  const [account, share] = [textAt(store, "account"), textAt(store, "share")];
  return account === undefined || share === undefined ? undefined : formatShareAddress({ account, share, folder: "" });
}

function readTarget({ urn, name, properties }: PlainResource): Target {
  const parsed = targetSchema.safeParse(properties);
  const read = (value: string | undefined) => (value === undefined ? undefined : toMilliseconds(value));
  return {
    urn,
    name,
    of: textAt(properties, "from.schedule") ?? null,
    store: valueAt(properties, "from.store"),
    drilledEvery: parsed.success ? read(parsed.data.drill?.every) : null,
    maxRestoreTime: parsed.success ? read(parsed.data.maxRestoreTime) : null,
  };
}

function readSnapshot({ urn, name, properties }: PlainResource): Snapshot {
  const verify = properties.verify;
  return {
    urn,
    name,
    path: textAt(properties, "share.path") ?? null,
    readBack: verify === unknownProperty ? null : verify === "content",
  };
}

const coverageSchema = z.array(
  z.object({
    title: z.string(),
    subject: z.string().nullable().default(null),
    state: z.object({ kind: z.string(), why: z.string().default("nothing backs it up") }),
  }),
);

/** What a Lync or Skype for Business deployment's own coverage calls uncovered. */
function readLyncGaps({ urn, name, type, properties }: PlainResource): readonly Gap[] {
  if (!type.endsWith(":LyncBackupPosture")) return [];
  const coverage = coverageSchema.safeParse(properties.coverage);
  if (!coverage.success) return [];
  return coverage.data
    .filter(({ state }) => state.kind === "uncovered")
    .map(({ title, subject, state }) => ({
      urn,
      name,
      what: `${title}${subject === null ? "" : ` (${subject})`}: ${state.why}`,
    }));
}
