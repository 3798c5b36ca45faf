import { findFacts, type Gap, type Place, type Protection } from "./model";
import { numberAt, type PlainResource, textAt, unknownProperty, valueAt } from "./properties";
import type { PlacesByPath } from "./settings";

const millisecondsPerHour = 3_600_000;
const millisecondsPerDay = 24 * millisecondsPerHour;
/** What a week, a month and a year of retention are at least. */
const daysOf: Readonly<Record<string, number>> = { Days: 1, Weeks: 7, Months: 28, Years: 365 };

/**
 * What azure-native's vaults, policies and protected items, and file shares without one, declare; see `docs/controls.md` for the properties
 * that are read. Items that refer to a vault or policy outside of the stack say nothing of it, and nothing is concluded from that.
 */
export function readAzure(
  resources: readonly PlainResource[],
  places: PlacesByPath,
): { readonly protections: readonly Protection[]; readonly gaps: readonly Gap[] } {
  const ofKind = (kind: string) => resources.filter(({ type }) => withoutVersion(type) === `azure-native:${kind}`);
  const vaults = ofKind("recoveryservices:Vault");
  const policies = ofKind("recoveryservices:ProtectionPolicy");
  const items = ofKind("recoveryservices:ProtectedItem");
  const guards = ofKind("recoveryservices:ResourceGuardProxy");
  const protections = items.map((item): Protection => {
    const policy = findNamed(policies, lastSegment(textAt(item.properties, "properties.policyId")), "policyName");
    const vault = findNamed(vaults, textAt(item.properties, "vaultName"), "vaultName");
    const interval = policy === undefined ? null : readInterval(policy);
    return {
      urn: item.urn,
      name: item.name,
      id: null,
      sources: [
        `azure ${lastSegment(textAt(item.properties, "properties.sourceResourceId")) ?? item.name} ${shareOf(item) ?? ""}`.trim(),
      ],
      interval,
      noticedAfter: interval,
      pausedUntil: null,
      lookBack: policy === undefined ? null : readLookBack(policy),
      store: unknownProperty,
      places: vault === undefined ? [] : readPlaces(vault, policy, guards.length > 0, places),
      canBeDrilled: false,
    };
  });
  return { protections, gaps: findUnprotectedShares(ofKind("storage:FileShare"), items) };
}

/** `azure-native:recoveryservices/v20240401:Vault` is a Vault as well. */
function withoutVersion(type: string): string {
  return type.replace(/\/v\d+(preview)?:/, ":");
}

/** The one of a name, or the only one where the name is not known yet. */
function findNamed(
  resources: readonly PlainResource[],
  name: string | undefined,
  key: string,
): PlainResource | undefined {
  const [only] = resources;
  if (name === undefined) return resources.length === 1 ? only : undefined;
  return resources.find(({ properties }) => [textAt(properties, key), textAt(properties, "name")].includes(name));
}

function readInterval({ properties }: PlainResource): number | null {
  const schedule = valueAt(properties, "properties.schedulePolicy");
  const frequency = textAt(schedule, "scheduleRunFrequency");
  if (frequency === "Hourly") return (numberAt(schedule, "hourlySchedule.interval") ?? 24) * millisecondsPerHour;
  if (frequency === "Daily") return millisecondsPerDay;
  return frequency === "Weekly" ? 7 * millisecondsPerDay : null;
}

/** The vault tier counts where there is one: what lies in the share's own snapshots is the shorter. */
function readLookBack({ properties }: PlainResource): number | null {
  const retention =
    valueAt(properties, "properties.vaultRetentionPolicy.vaultRetention") ??
    valueAt(properties, "properties.retentionPolicy");
  const days = ["dailySchedule", "weeklySchedule", "monthlySchedule", "yearlySchedule"].flatMap((each) => {
    const count = numberAt(retention, `${each}.retentionDuration.count`);
    const unit = daysOf[textAt(retention, `${each}.retentionDuration.durationType`) ?? ""];
    return count === undefined || unit === undefined ? [] : [count * unit];
  });
  return days.length === 0 ? null : Math.max(...days) * millisecondsPerDay;
}

/** The share's own snapshots, which lie beside it, and the vault tier, where the policy has one. */
function readPlaces(
  vault: PlainResource,
  policy: PlainResource | undefined,
  isGuarded: boolean,
  places: PlacesByPath,
): readonly Place[] {
  const at = (path: string) => textAt(vault.properties, `properties.${path}`);
  const label = textAt(vault.properties, "vaultName") ?? vault.name;
  const facts = findFacts(label, places);
  const softDelete = at("securitySettings.softDeleteSettings.softDeleteState");
  const place = {
    encrypted: facts.encrypted ?? true,
    deletionGuarded: facts.deletionGuarded ?? (softDelete === "Enabled" || softDelete === "AlwaysON"),
  };
  const beside = { medium: "azure-snapshot", offSite: false, immutable: false, isolated: false };
  const snapshots = { ...place, ...beside, label: `${label} (snapshots)` };
  if (valueAt(policy?.properties, "properties.vaultRetentionPolicy") === undefined) return [snapshots];
  const vaulted = {
    medium: facts.medium ?? "azure-vault",
    offSite: facts.offSite ?? at("redundancySettings.standardTierStorageRedundancy") === "GeoRedundant",
    immutable: facts.immutable ?? at("securitySettings.immutabilitySettings.state") === "Locked",
    isolated: facts.isolated ?? isGuarded,
  };
  return [snapshots, { ...place, ...vaulted, label }];
}

function findUnprotectedShares(shares: readonly PlainResource[], items: readonly PlainResource[]): readonly Gap[] {
  const names = items.map(shareOf);
  if (names.includes(undefined)) return [];
  return shares.flatMap((share) => {
    const name = textAt(share.properties, "shareName") ?? textAt(share.properties, "name");
    if (name === undefined || names.includes(name)) return [];
    return [{ urn: share.urn, name: share.name, what: `the Azure file share ${name} has no protected item` }];
  });
}

/** The share that a protected item is of; undefined where that is not known yet. */
function shareOf({ properties }: PlainResource): string | undefined {
  const name = textAt(properties, "protectedItemName") ?? textAt(properties, "name");
  return textAt(properties, "properties.friendlyName") ?? name?.replace(/^AzureFileShare;/i, "");
}

function lastSegment(id: string | undefined): string | undefined {
  return id?.slice(id.lastIndexOf("/") + 1);
}
