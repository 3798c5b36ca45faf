import * as recoveryservices from "@pulumi/azure-native/recoveryservices";
import * as storage from "@pulumi/azure-native/storage";
import * as pulumi from "@pulumi/pulumi";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import { claimVault } from "./claims";
import { checkPlaces } from "./places";
import { type CheckedPolicy, checkPolicy } from "./policy-check";
import { toPolicyProperties } from "./policy-properties";
import type { AzurePolicy } from "./policy-schema";
import { parseResourceId } from "./resource-id";
import { type PolicyUpdate, refuseRetentionLoss } from "./retention-loss";

type AzureFilesStore = Extract<StoreDeclaration, { kind: "azure-files" }>;

/** A storage account that is there already, or one to be made. */
export type AccountArgs =
  | { readonly id: pulumi.Input<string> }
  | {
      readonly name?: pulumi.Input<string>;
      /** Default: `Standard_ZRS`. */
      readonly sku?: pulumi.Input<string>;
    };

/** A share that is there already, or one to be made. */
export type ShareArgs =
  | { readonly name: pulumi.Input<string>; readonly existing: true }
  | {
      readonly name?: pulumi.Input<string>;
      /** In GiB. Default: Azure's. */
      readonly quota?: pulumi.Input<number>;
    };

/** A Recovery Services vault that is there already, or one to be made. */
export type VaultArgs =
  | { readonly id: pulumi.Input<string> }
  | {
      readonly name?: pulumi.Input<string>;
      /** `AlwaysON` cannot be undone. Default: `Enabled`, 14 days. */
      readonly softDelete?: { readonly state?: "Enabled" | "AlwaysON"; readonly days?: number };
      /** `Locked` cannot be undone, and a vault that is not `Disabled` cannot be deleted while it holds backups. Default: `Disabled`. */
      readonly immutability?: "Disabled" | "Unlocked" | "Locked";
      /** Cannot be changed once the vault holds backups. Default: `GeoRedundant`. */
      readonly redundancy?: "LocallyRedundant" | "ZoneRedundant" | "GeoRedundant";
      /** Of a geo-redundant vault. Cannot be undone. Default: false. */
      readonly crossRegionRestore?: boolean;
      /** `Disabled`: it is reached by private endpoints only. Default: `Enabled`. */
      readonly publicNetworkAccess?: "Enabled" | "Disabled";
    };

/** The arguments of an AzureFileShareBackup. What decides which resources there are is plain; names and ids may be outputs. */
export interface AzureFileShareBackupArgs extends AzurePolicy {
  /** Where what is made is put. */
  readonly resourceGroupName: pulumi.Input<string>;
  /** Of what is made: a vault protects accounts of its own region only. Default: the resource group's. */
  readonly location?: pulumi.Input<string>;
  /** Default: a new account. */
  readonly account?: AccountArgs;
  readonly share: ShareArgs;
  /**
   * For how many days a deleted share can be brought back. It is a setting of the whole account. Default: 14 of a new account; that of an
   * existing one is left as it is.
   */
  readonly shareSoftDeleteDays?: number;
  /** Default: a new vault. An account is registered with one vault only. */
  readonly vault?: VaultArgs;
  /** Default: made of the component's name. */
  readonly policyName?: pulumi.Input<string>;
  /** Where Azure Backup knows the share by another name than `AzureFileShare;<share>`, as it does after a share of this name was deleted. */
  readonly protectedItemName?: pulumi.Input<string>;
  /** The token that preview printed for this very change of retention. */
  readonly acknowledgeDataLoss?: string;
  /** What becomes of all of it when it is removed from the program, or destroyed. Default: `retain`, it stays in Azure. */
  readonly onRemoval?: "retain" | "delete";
  readonly tags?: Readonly<Record<string, pulumi.Input<string>>>;
}

/**
 * The backup of an Azure file share by Azure Backup: storage account and share with soft delete, Recovery Services vault, protection policy,
 * registration of the account and protection of the share, each made or taken as it is, from the words of a BackupSchedule.
 *
 * @example
 * new AzureFileShareBackup("files", {
 *   resourceGroupName: group.name,
 *   share: { name: "files", quota: 1024 },
 *   when: { cron: "30 1 * * *", timeZone: "Europe/Berlin" },
 *   keep: { daily: 30, weekly: 12, monthly: 12 },
 * });
 */
export class AzureFileShareBackup extends pulumi.ComponentResource {
  public readonly accountName: pulumi.Output<string>;
  public readonly shareName: pulumi.Output<string>;
  public readonly vaultName: pulumi.Output<string>;
  public readonly policyId: pulumi.Output<string>;
  public readonly protectedItemId: pulumi.Output<string>;
  /** The share's snapshots as a store, for a BackupSchedule, FileShareSnapshot or RestoreTarget beside it. */
  public readonly store: pulumi.Output<AzureFilesStore>;

  /** @throws Error that names everything that is wrong with the plain arguments, each with its property and the number of the limit. */
  constructor(name: string, args: AzureFileShareBackupArgs, options?: pulumi.ComponentResourceOptions) {
    super("backup-posture:azure:AzureFileShareBackup", name, {}, options);
    const policy = requireValid(name, args);
    const own = { parent: this, retainOnDelete: args.onRemoval !== "delete" };
    const account = declareAccount(name, args, own);
    const share = declareShare(name, args, account, own);
    const vault = declareVault(name, args, own);
    claimDeclaredVault(name, this.urn, args);
    const declared = declarePolicy(name, args, policy, vault, own);
    const item = declareProtection(name, args, { account, share, vault, policy: declared }, own);
    this.accountName = account.name;
    this.shareName = share.name;
    this.vaultName = vault.name;
    this.policyId = declared.id;
    this.protectedItemId = item.id;
    this.store = pulumi.all([account.name, share.name]).apply(([accountName, shareName]): AzureFilesStore => {
      return { kind: "azure-files", account: accountName, share: shareName };
    });
    this.registerOutputs({
      accountName: this.accountName,
      shareName: this.shareName,
      vaultName: this.vaultName,
      policyId: this.policyId,
      protectedItemId: this.protectedItemId,
      store: this.store,
    });
  }
}

function requireValid(name: string, args: AzureFileShareBackupArgs): CheckedPolicy {
  const { when, keep, rpo, tier } = args;
  const plain = Object.entries({ when, keep, rpo, tier }).filter(([, value]) => value !== undefined);
  const policy = checkPolicy(Object.fromEntries(plain));
  const faults = [...("policy" in policy ? [] : policy), ...checkPlaces(args)];
  if (!("policy" in policy) || faults.length > 0) throw new Error(`${name}: ${faults.join("; ")}`);
  return policy;
}

/** Something that other resources refer to, made or taken as it is. */
interface Place {
  readonly id: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;
  readonly resourceGroupName: pulumi.Output<string>;
  /** What has to be there before it is used. */
  readonly dependsOn: readonly pulumi.Resource[];
}

type OwnOptions = pulumi.CustomResourceOptions;

function declareAccount(name: string, args: AzureFileShareBackupArgs, own: OwnOptions): Place {
  const { account = {}, resourceGroupName, location, tags, shareSoftDeleteDays } = args;
  const place = "id" in account ? take(account.id, "Microsoft.Storage/storageAccounts", "account.id") : make();
  const days = shareSoftDeleteDays ?? ("id" in account ? null : defaultSoftDeleteDays);
  if (days === null) return place;
  const service = new storage.FileServiceProperties(
    `${name}-soft-delete`,
    {
      accountName: place.name,
      resourceGroupName: place.resourceGroupName,
      fileServicesName: "default",
      shareDeleteRetentionPolicy: { enabled: true, days },
    },
    { ...own, dependsOn: [...place.dependsOn] },
  );
  return { ...place, dependsOn: [...place.dependsOn, service] };

  function make(): Place {
    const made = "id" in account ? {} : account;
    const resource = new storage.StorageAccount(
      `${name}-account`,
      {
        accountName: made.name,
        location,
        tags,
        resourceGroupName,
        kind: "StorageV2",
        sku: { name: made.sku ?? "Standard_ZRS" },
        allowBlobPublicAccess: false,
        enableHttpsTrafficOnly: true,
        minimumTlsVersion: "TLS1_2",
      },
      own,
    );
    return {
      id: resource.id,
      name: resource.name,
      resourceGroupName: pulumi.output(resourceGroupName),
      dependsOn: [resource],
    };
  }
}

const defaultSoftDeleteDays = 14;

function declareShare(name: string, { share }: AzureFileShareBackupArgs, account: Place, own: OwnOptions): Place {
  if ("existing" in share) {
    const shareName = pulumi.output(share.name);
    return {
      id: pulumi.interpolate`${account.id}/fileServices/default/shares/${shareName}`,
      name: shareName,
      resourceGroupName: account.resourceGroupName,
      dependsOn: account.dependsOn,
    };
  }
  const resource = new storage.FileShare(
    `${name}-share`,
    {
      shareName: share.name,
      shareQuota: share.quota,
      accountName: account.name,
      resourceGroupName: account.resourceGroupName,
      enabledProtocols: "SMB",
    },
    { ...own, dependsOn: [...account.dependsOn] },
  );
  return {
    id: resource.id,
    name: resource.name,
    resourceGroupName: account.resourceGroupName,
    dependsOn: [...account.dependsOn, resource],
  };
}

function declareVault(name: string, args: AzureFileShareBackupArgs, own: OwnOptions): Place {
  const { vault = {}, resourceGroupName, location, tags } = args;
  if ("id" in vault) return take(vault.id, "Microsoft.RecoveryServices/vaults", "vault.id");
  const { softDelete = {}, redundancy = "GeoRedundant" } = vault;
  const resource = new recoveryservices.Vault(
    `${name}-vault`,
    {
      vaultName: vault.name,
      location,
      tags,
      resourceGroupName,
      sku: { name: "RS0", tier: "Standard" },
      properties: {
        publicNetworkAccess: vault.publicNetworkAccess ?? "Enabled",
        redundancySettings: {
          standardTierStorageRedundancy: redundancy,
          crossRegionRestore: vault.crossRegionRestore === true ? "Enabled" : "Disabled",
        },
        securitySettings: {
          softDeleteSettings: {
            softDeleteState: softDelete.state ?? "Enabled",
            softDeleteRetentionPeriodInDays: softDelete.days ?? defaultSoftDeleteDays,
          },
          immutabilitySettings: { state: vault.immutability ?? "Disabled" },
        },
      },
    },
    own,
  );
  return {
    id: resource.id,
    name: resource.name,
    resourceGroupName: pulumi.output(resourceGroupName),
    dependsOn: [resource],
  };
}

/** A new account is registered with the vault of its component; one that is there already may be named by several. */
function claimDeclaredVault(
  component: string,
  urn: pulumi.Output<string>,
  { account = {}, vault = {} }: AzureFileShareBackupArgs,
): void {
  const accountId = "id" in account ? account.id : pulumi.interpolate`account of ${urn}`;
  const vaultId = "id" in vault ? vault.id : pulumi.interpolate`vault of ${urn}`;
  pulumi
    .all([urn, accountId, vaultId])
    .apply(([known, knownAccount, knownVault]) =>
      claimVault(known, { component, account: knownAccount, vault: knownVault }),
    );
}

function declarePolicy(
  name: string,
  { policyName, acknowledgeDataLoss }: AzureFileShareBackupArgs,
  policy: CheckedPolicy,
  vault: Place,
  own: OwnOptions,
): recoveryservices.ProtectionPolicy {
  return new recoveryservices.ProtectionPolicy(
    `${name}-policy`,
    {
      policyName,
      vaultName: vault.name,
      resourceGroupName: vault.resourceGroupName,
      properties: toPolicyProperties(policy),
    },
    {
      ...own,
      dependsOn: [...vault.dependsOn],
      hooks: { beforeUpdate: guardRetention(name, acknowledgeDataLoss) },
    },
  );
}

/**
 * In a preview a warning with the token that accepts it; in `up` a refusal, before Azure is told anything. Pulumi's mocks know no hooks, and
 * update nothing.
 */
function guardRetention(name: string, acknowledged: string | undefined): pulumi.ResourceHook[] {
  const monitor: object | undefined = pulumi.runtime.getMonitor();
  if (monitor === undefined || !("registerResourceHook" in monitor)) return [];
  const judge = (update: PolicyUpdate) => {
    const refusal = refuseRetentionLoss(update, acknowledged, new Date());
    if (refusal === undefined) return;
    if (!pulumi.runtime.isDryRun()) throw new Error(`${name}: keep: ${refusal}`);
    void pulumi.log.warn(`${name}: keep: ${refusal}`);
  };
  return [new pulumi.ResourceHook(`${name}:retention`, judge, { onDryRun: true })];
}

/**
 * Registers the account, and then protects the share. Each waits for what it needs to be there: a share that is not there yet is not found by
 * the registration, and an item without a registered account, or without a policy, is refused.
 */
function declareProtection(
  name: string,
  { protectedItemName }: AzureFileShareBackupArgs,
  at: {
    readonly account: Place;
    readonly share: Place;
    readonly vault: Place;
    readonly policy: recoveryservices.ProtectionPolicy;
  },
  own: OwnOptions,
): recoveryservices.ProtectedItem {
  const { account, share, vault, policy } = at;
  const inVault = { fabricName: "Azure", vaultName: vault.name, resourceGroupName: vault.resourceGroupName };
  const containerName = pulumi.interpolate`StorageContainer;Storage;${account.resourceGroupName};${account.name}`;
  const container = new recoveryservices.ProtectionContainer(
    `${name}-container`,
    {
      ...inVault,
      containerName,
      properties: {
        containerType: "StorageContainer",
        backupManagementType: "AzureStorage",
        friendlyName: account.name,
        sourceResourceId: account.id,
        acquireStorageAccountLock: "Acquire",
      },
    },
    { ...own, dependsOn: [...vault.dependsOn, ...share.dependsOn, policy] },
  );
  return new recoveryservices.ProtectedItem(
    `${name}-item`,
    {
      ...inVault,
      containerName,
      protectedItemName: protectedItemName ?? pulumi.interpolate`AzureFileShare;${share.name}`,
      properties: {
        protectedItemType: "AzureFileShareProtectedItem",
        friendlyName: share.name,
        policyId: policy.id,
        sourceResourceId: account.id,
      },
    },
    { ...own, dependsOn: [container, policy, ...share.dependsOn] },
  );
}

function take(id: pulumi.Input<string>, type: string, property: string): Place {
  const parsed = pulumi.output(id).apply((known) => parseResourceId(known, type, property));
  return {
    id: pulumi.output(id),
    name: parsed.name,
    resourceGroupName: parsed.resourceGroupName,
    dependsOn: [],
  };
}
