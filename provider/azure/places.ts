import { fileShareName, storageAccountName } from "../declaration/azure-share";
import { limits } from "./limits";

/** What a component's arguments say of account, share and vault, as far as it is plain. */
interface PlainPlaces {
  readonly account?: object;
  readonly share: object;
  readonly vault?: object;
  readonly shareSoftDeleteDays?: number;
  readonly tier?: { readonly kind: string } | undefined;
}

/** What is wrong with them, each a sentence that begins with its property and has the number of the limit. */
export function checkPlaces({
  account = {},
  share,
  vault = {},
  shareSoftDeleteDays,
  tier,
}: PlainPlaces): readonly string[] {
  const softDelete = valueOf(vault, "softDelete");
  const vaultDays = typeof softDelete === "object" && softDelete !== null ? valueOf(softDelete, "days") : undefined;
  return [
    ...checkName("account.name", valueOf(account, "name"), storageAccountName),
    ...checkName("share.name", valueOf(share, "name"), fileShareName),
    ...(tier?.kind === "vault" ? checkVaultTierQuota(valueOf(share, "quota")) : []),
    ...checkDays("shareSoftDeleteDays", shareSoftDeleteDays, limits.shareSoftDeleteDays),
    ...checkDays("vault.softDelete.days", vaultDays, limits.vaultSoftDeleteDays),
    ...(valueOf(vault, "crossRegionRestore") === true &&
    (valueOf(vault, "redundancy") ?? "GeoRedundant") !== "GeoRedundant"
      ? ['vault.crossRegionRestore: needs redundancy: "GeoRedundant"']
      : []),
    ...("existing" in share && !("id" in account)
      ? ["share.existing: a share that is there already is in an account that is: name it by account.id"]
      : []),
  ];
}

function checkName(property: string, name: unknown, schema: typeof fileShareName): readonly string[] {
  if (typeof name !== "string") return [];
  const [issue] = schema.safeParse(name).error?.issues ?? [];
  return issue === undefined ? [] : [`${property}: ${issue.message}`];
}

function checkVaultTierQuota(quota: unknown): readonly string[] {
  const most = limits.vaultTierGibibytes;
  if (typeof quota !== "number" || quota <= most) return [];
  return [`share.quota: must be at most ${most} GiB with tier.kind "vault": a vault keeps shares of up to 10 TiB`];
}

function checkDays(
  property: string,
  days: unknown,
  { least, most }: { readonly least: number; readonly most: number },
) {
  if (days === undefined || (Number.isInteger(days) && Number(days) >= least && Number(days) <= most)) return [];
  return [`${property}: must be a whole number from ${least} to ${most}`];
}

function valueOf(holder: object, key: string): unknown {
  return Reflect.get(holder, key);
}
