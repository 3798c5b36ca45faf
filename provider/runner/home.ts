import { readFileSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "../platform/atomic-file";
import { isAbsent, messageOf, PostureError } from "../platform/errors";
import { Rounds } from "../platform/rounds";
import { findForeignOwner, makeFolderFor, type Owner } from "./ownership";

/** Where everything of a posture home lies. All paths are absolute. */
export interface Home {
  readonly root: string;
  readonly marker: string;
  readonly jobs: string;
  readonly journal: string;
  readonly locks: string;
  readonly evidence: string;
  /** The embedded scheduler's own folder. */
  readonly scheduler: string;
}

const markerSchema = z.object({ format: z.literal(1) });

/** The layout of the posture home at a path. Touches nothing. */
export function describeHome(root: string): Home {
  return {
    root,
    marker: join(root, "posture-home.json"),
    jobs: join(root, "jobs"),
    journal: join(root, "journal"),
    locks: join(root, "locks"),
    evidence: join(root, "evidence"),
    scheduler: join(root, "scheduler"),
  };
}

/**
 * Makes the home ready: folders and marker. Idempotent. Only declaring something in it, or `backup-posture init`, does this.
 *
 * @param owner whose a home is to be that is not there yet; null: this process's account's.
 */
export async function initialiseHome(home: Home, owner: Owner | null = null): Promise<void> {
  await makeFolderFor(owner, home.root);
  const foreign = await findForeignOwner(home);
  for (const folder of [home.jobs, home.journal, home.locks, home.evidence, home.scheduler])
    await makeFolderFor(foreign, folder);
  try {
    await access(home.marker, constants.F_OK);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    await writeFileAtomically(home.marker, `${JSON.stringify({ format: 1 })}\n`);
  }
}

/**
 * Makes sure that the home is there and can be looked at. A home without its marker may be a mount that is missing: it is
 * never taken for an empty one.
 *
 * @throws PostureError `unreachable`.
 */
export function requireHome(home: Home): Promise<void> {
  return looks.join(home.root);
}

/** Those who ask at the same time look once: hundreds of resources are created beside each other. */
const looks = new Rounds((root) => look(describeHome(root)));

async function look(home: Home): Promise<void> {
  try {
    // Once the home has answered, its small file is read at once.
    await access(home.jobs, constants.R_OK | constants.X_OK);
    markerSchema.parse(JSON.parse(readFileSync(home.marker, "utf8")));
  } catch (error) {
    const reason = isAbsent(error)
      ? `it is not there; mount it, or, if it is lost for good, make it anew: backup-posture init --home ${home.root}`
      : messageOf(error).replace(/,? (open|access) '.*$/, "");
    throw new PostureError("unreachable", `posture home ${home.root}: ${reason}`, { cause: error });
  }
}

/** The home on a remote host where none is named. */
export const defaultRemoteHome = "/var/lib/backup-posture";

/** The home that is used where none is named: `%ProgramData%\backup-posture` on Windows, `/var/lib/backup-posture` elsewhere. */
export function defaultHome(): string {
  return process.platform === "win32"
    ? join(process.env.ProgramData ?? "C:\\ProgramData", "backup-posture")
    : "/var/lib/backup-posture";
}
