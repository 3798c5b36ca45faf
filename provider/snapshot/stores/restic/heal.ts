import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRepairPacks, type Restic } from "./restic";
import type { Contents } from "./snapshots";

/**
 * Makes the repository forget contents that a verification found missing or damaged, so that the capture that follows, which reads everything
 * anew, stores them again. What is intact in a damaged pack is kept: restic before 0.17 cannot do that, and there only losses are healed.
 *
 * @returns whether there was anything to heal.
 */
export async function healDamage(restic: Restic, { damage }: Contents, signal: AbortSignal): Promise<boolean> {
  if (damage.snapshots.length === 0) return false;
  const salvages = await canRepairPacks(signal);
  const rebuild = salvages ? ["repair", "index"] : ["rebuild-index"];
  await restic.run({ what: "rebuilding the index", arguments: rebuild, lock: "exclusive" }, signal);
  if (salvages) await salvagePacks(restic, [...new Set(damage.packs)], signal);
  const told = ["forget", ...damage.snapshots];
  await restic.run({ what: "ticking off what was healed", arguments: told, lock: "exclusive" }, signal);
  return true;
}

/** A pack that is gone, or was repaired before, is none to repair. restic puts a copy of each damaged one into its working directory. */
async function salvagePacks(restic: Restic, packs: readonly string[], signal: AbortSignal): Promise<void> {
  const { stdout } = await restic.run({ what: "listing packs", arguments: ["list", "packs"], lock: "none" }, signal);
  const present = new Set(stdout.split(/\s+/));
  const damaged = packs.filter((pack) => present.has(pack));
  if (damaged.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), "backup-posture-packs-"));
  try {
    const command = { arguments: ["repair", "packs", ...damaged], workingDirectory: folder };
    await restic.run({ what: "repairing packs", lock: "exclusive", ...command }, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
