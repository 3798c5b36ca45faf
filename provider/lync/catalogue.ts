import { backupItems } from "./catalogue/backup-items";
import { corrections } from "./catalogue/corrections";
import { contactStoreScenarios, outsideRequirements } from "./catalogue/outside-requirements";
import { pages } from "./catalogue/pages";
import { permissions } from "./catalogue/permissions";
import { restorationSteps } from "./catalogue/restoration-steps";
import { transientData } from "./catalogue/transient-data";
import type {
  BackupItem,
  BackupItemId,
  ContactStoreScenario,
  Correction,
  OutsideRequirement,
  OutsideRequirementId,
  Permission,
  PermissionId,
  RequirementPage,
  RestorationStep,
  RestorationStepId,
  TransientData,
  TransientDataId,
} from "./catalogue/types";

export * from "./catalogue/types";

/** All that the two requirement pages ask for, with what other chapters of the same documentation add. */
export interface Catalogue {
  readonly pages: readonly RequirementPage[];
  readonly backupItems: readonly BackupItem[];
  readonly transientData: readonly TransientData[];
  readonly outsideRequirements: readonly OutsideRequirement[];
  readonly contactStoreScenarios: readonly ContactStoreScenario[];
  readonly restorationSteps: readonly RestorationStep[];
  readonly permissions: readonly Permission[];
  readonly corrections: readonly Correction[];
}

/** The catalogue: data, frozen throughout. Coverage, restore plans, runbook and documentation are made from it. */
export const catalogue: Catalogue = freezeDeeply({
  pages,
  backupItems,
  transientData,
  outsideRequirements,
  contactStoreScenarios,
  restorationSteps,
  permissions,
  corrections,
});

/** The entry of what is backed up. */
export function backupItem(id: BackupItemId): BackupItem {
  return entry(catalogue.backupItems, id);
}

/** The entry of what need not be backed up. */
export function transientDatum(id: TransientDataId): TransientData {
  return entry(catalogue.transientData, id);
}

/** The entry of what others back up. */
export function outsideRequirement(id: OutsideRequirementId): OutsideRequirement {
  return entry(catalogue.outsideRequirements, id);
}

/** The row of the restoration table. */
export function restorationStep(id: RestorationStepId): RestorationStep {
  return entry(catalogue.restorationSteps, id);
}

/** The entry of what an account needs. */
export function permission(id: PermissionId): Permission {
  return entry(catalogue.permissions, id);
}

function entry<T extends { readonly id: string }>(entries: readonly T[], id: T["id"]): T {
  const found = entries.find((candidate) => candidate.id === id);
  if (found === undefined) throw new RangeError(`the catalogue has no entry ${id}`);
  return found;
}

function freezeDeeply<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freezeDeeply(part);
  }
  return value;
}
