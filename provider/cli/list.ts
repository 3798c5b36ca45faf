import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { formatInstant } from "../platform/clock";
import { messageOf } from "../platform/errors";
import { type Home, requireHome } from "../runner/home";
import { findJob, listJobIds } from "../runner/job";
import { groupSets } from "../snapshot/sets";
import { openStore } from "../snapshot/stores";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatBytes, formatTable } from "./format";
import { copyOption, findStored, storedBy, storeOption } from "./stores";

/** `backup-posture list [id]`: shows recovery points. */
export function registerList(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "list [id]",
      summary: "show recovery points: of one id, or of all jobs of the home",
      details: "Exit code 1 when a store could not be looked at; what could be is shown all the same.",
      options: [storeOption, copyOption, ["--warnings", "name the files that could not be read, at most 100 a point"]],
      examples: [
        ["list", "all recovery points of all jobs"],
        ["list shares", "those of the schedule shares"],
        ["list shares --copy offsite", "those in its copy offsite"],
        ["list shares --store /backup/store", "those of an id that has no job any more"],
      ],
      input: z.object({
        id: identifier.optional(),
        store: z.string().min(1).optional(),
        copy: z.string().min(1).optional(),
        warnings: z.boolean().default(false),
      }),
      act: async ({ home, signal }, { id, store, copy, warnings }) => {
        const listings =
          id === undefined ? await listAll(home, signal) : [await listOne(home, id, { store, copy }, signal)];
        const points = listings.flatMap((listing) => listing.points);
        const faults = listings.flatMap(({ id: listed, fault }) =>
          fault === null ? [] : [{ id: listed, message: fault }],
        );
        return {
          exitCode: faults.length === 0 ? exitCodes.fine : exitCodes.failed,
          document: { points, faults },
          text: [
            points.length === 0 ? "no recovery points" : describePoints(points),
            ...(warnings ? describeWarnings(points) : []),
            ...faults.map(({ message }) => colors.red(message)),
          ].join("\n"),
        };
      },
    },
    surroundings,
  );
}

interface Listing {
  readonly id: string;
  readonly points: readonly RecoveryPoint[];
  readonly fault: string | null;
}

async function listOne(
  home: Home,
  id: string,
  where: { readonly store: string | undefined; readonly copy: string | undefined },
  signal: AbortSignal,
): Promise<Listing> {
  const { store, schedule } = await findStored(home, id, where.store, where.copy);
  return { id, points: await store.list({ schedule }, signal), fault: null };
}

async function listAll(home: Home, signal: AbortSignal): Promise<readonly Listing[]> {
  await requireHome(home);
  const listings: Listing[] = [];
  for (const id of await listJobIds(home)) {
    const found = await findJob(home, id);
    if (found.state === "present" && found.job.kind === "drill") continue; // its points are its schedule's
    if (found.state === "present") listings.push(await tryToList(id, storedBy(found.job), signal));
    else if (found.state !== "absent")
      listings.push({ id, points: [], fault: `${id}: the job file is ${found.state}: ${found.why}` });
  }
  return listings;
}

async function tryToList(
  id: string,
  { store, schedule }: ReturnType<typeof storedBy>,
  signal: AbortSignal,
): Promise<Listing> {
  try {
    return { id, points: await openStore(store).list({ schedule }, signal), fault: null };
  } catch (error) {
    signal.throwIfAborted();
    return { id, points: [], fault: `${id}: ${messageOf(error)}` };
  }
}

function describePoints(points: readonly RecoveryPoint[]): string {
  const missing = new Map(groupSets(points).map((set) => [`${set.schedule}\n${set.id}`, set.missing]));
  const rows = points.map((point) => [
    point.schedule,
    point.source,
    formatInstant(point.startedAt),
    String(point.files),
    formatBytes(point.bytes),
    formatBytes(point.addedBytes),
    point.id,
    describeState(point, missing.get(`${point.schedule}\n${point.set.id}`) ?? []),
  ]);
  return formatTable(["id", "source", "taken", "files", "size", "new", "point", ""], rows, (text, column) =>
    column === 7 ? colors.yellow(text) : text,
  );
}

function describeState(point: RecoveryPoint, missing: readonly string[]): string {
  return [
    ...(point.damage === null ? [] : [`damaged: ${point.damage}`]),
    ...(missing.length === 0 ? [] : [`set lacks ${missing.join(", ")}`]),
    ...(point.pinnedBy === null ? [] : [`pinned by ${point.pinnedBy}`]),
    ...(point.fidelity.skipped === 0 ? [] : [`${point.fidelity.skipped} skipped`]),
  ].join(", ");
}

function describeWarnings(points: readonly RecoveryPoint[]): readonly string[] {
  const rows = points.flatMap((point) => point.fidelity.warnings.map(({ path, why }) => [point.id, path, why]));
  return [rows.length === 0 ? "no warnings" : `\n${formatTable(["point", "left out", "why"], rows)}`];
}
