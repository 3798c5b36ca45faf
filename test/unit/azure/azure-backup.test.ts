import { EventEmitter, once } from "node:events";
import * as pulumi from "@pulumi/pulumi";
import { claimVault } from "../../../provider/azure/claims";
import { AzureFileShareBackup, type AzureFileShareBackupArgs } from "../../../provider/azure/index";
import { readAzure } from "../../../provider/guard/controls/azure";
import type { PlainResource } from "../../../provider/guard/controls/properties";

interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

const subscription = "/subscriptions/8d0c3a5e-0000-4000-8000-000000000000";
const providers: Readonly<Record<string, string>> = {
  "azure-native:storage:StorageAccount": "Microsoft.Storage/storageAccounts",
  "azure-native:recoveryservices:Vault": "Microsoft.RecoveryServices/vaults",
};
const made: Made[] = [];
const appeared = new EventEmitter();
/** The names of what each resource waits for, by its name. */
const waitsFor = new Map<string, readonly string[]>();
const retained = new Map<string, boolean | undefined>();

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      made.push({ type, name, inputs: inputs as Made["inputs"] });
      appeared.emit(type);
      const id = `${subscription}/resourceGroups/backup/providers/${providers[type] ?? "Microsoft.Other/things"}/${nameInAzure(type, name, inputs as Made["inputs"])}`;
      return {
        id,
        state: { ...(inputs as Made["inputs"]), name: nameInAzure(type, name, inputs as Made["inputs"]) },
      };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  });
});

/** What the provider makes of a resource's name, where none is given. */
function nameInAzure(type: string, name: string, inputs: Made["inputs"]): string {
  const property = { FileShare: "shareName", ProtectionPolicy: "policyName", Vault: "vaultName" }[
    type.split(":")[2] ?? ""
  ];
  const given = inputs[property ?? "accountName"];
  return typeof given === "string" ? given : name;
}

beforeEach(() => {
  made.length = 0;
  waitsFor.clear();
  retained.clear();
});

const base: AzureFileShareBackupArgs = {
  resourceGroupName: "backup",
  share: { name: "files", quota: 1_024 },
  when: { cron: "30 1 * * *", timeZone: "Europe/Berlin" },
  keep: { daily: 30 },
};

/** Everything that the component declares, once all of it is registered. */
async function declare(args: Partial<AzureFileShareBackupArgs> = {}): Promise<AzureFileShareBackup> {
  const done = once(appeared, "azure-native:recoveryservices:ProtectedItem");
  const backup = new AzureFileShareBackup("files", { ...base, ...args }, { transformations: [note] });
  await done;
  return backup;
}

const note: pulumi.ResourceTransformation = ({ name, opts }) => {
  const { dependsOn, retainOnDelete } = opts as pulumi.CustomResourceOptions;
  const resources = (dependsOn ?? []) as unknown as readonly { readonly __name: string }[];
  waitsFor.set(
    name,
    resources.map((each) => each.__name),
  );
  retained.set(name, retainOnDelete);
  return undefined;
};

const typesOf = () => made.map(({ type }) => type).sort();
const inputsOf = (kind: string) => made.find(({ type }) => type === `azure-native:${kind}`)?.inputs;
const start = "2020-01-01T01:30:00.000Z";

describe("the backup of an Azure file share", () => {
  it("declares account, soft delete, share, vault, policy, registration and protection, with every input", async () => {
    const backup = await declare({ location: "westeurope", tags: { team: "files" } });
    expect(typesOf()).toEqual([
      "azure-native:recoveryservices:ProtectedItem",
      "azure-native:recoveryservices:ProtectionContainer",
      "azure-native:recoveryservices:ProtectionPolicy",
      "azure-native:recoveryservices:Vault",
      "azure-native:storage:FileServiceProperties",
      "azure-native:storage:FileShare",
      "azure-native:storage:StorageAccount",
      "backup-posture:azure:AzureFileShareBackup",
    ]);
    expect(inputsOf("storage:StorageAccount")).toEqual({
      resourceGroupName: "backup",
      location: "westeurope",
      tags: { team: "files" },
      kind: "StorageV2",
      sku: { name: "Standard_ZRS" },
      allowBlobPublicAccess: false,
      enableHttpsTrafficOnly: true,
      minimumTlsVersion: "TLS1_2",
    });
    expect(inputsOf("storage:FileServiceProperties")).toEqual({
      accountName: "files-account",
      resourceGroupName: "backup",
      fileServicesName: "default",
      shareDeleteRetentionPolicy: { enabled: true, days: 14 },
    });
    expect(inputsOf("storage:FileShare")).toEqual({
      shareName: "files",
      shareQuota: 1_024,
      accountName: "files-account",
      resourceGroupName: "backup",
      enabledProtocols: "SMB",
    });
    expect(inputsOf("recoveryservices:Vault")).toEqual({
      resourceGroupName: "backup",
      location: "westeurope",
      tags: { team: "files" },
      sku: { name: "RS0", tier: "Standard" },
      properties: {
        publicNetworkAccess: "Enabled",
        redundancySettings: { standardTierStorageRedundancy: "GeoRedundant", crossRegionRestore: "Disabled" },
        securitySettings: {
          softDeleteSettings: { softDeleteState: "Enabled", softDeleteRetentionPeriodInDays: 14 },
          immutabilitySettings: { state: "Disabled" },
        },
      },
    });
    expect(inputsOf("recoveryservices:ProtectionPolicy")).toEqual({
      vaultName: "files-vault",
      resourceGroupName: "backup",
      properties: {
        backupManagementType: "AzureStorage",
        workLoadType: "AzureFileShare",
        timeZone: "W. Europe Standard Time",
        schedulePolicy: {
          schedulePolicyType: "SimpleSchedulePolicy",
          scheduleRunFrequency: "Daily",
          scheduleRunTimes: [start],
        },
        retentionPolicy: {
          retentionPolicyType: "LongTermRetentionPolicy",
          dailySchedule: { retentionTimes: [start], retentionDuration: { count: 30, durationType: "Days" } },
        },
      },
    });
    const account = `${subscription}/resourceGroups/backup/providers/Microsoft.Storage/storageAccounts/files-account`;
    expect(inputsOf("recoveryservices:ProtectionContainer")).toEqual({
      fabricName: "Azure",
      vaultName: "files-vault",
      resourceGroupName: "backup",
      containerName: "StorageContainer;Storage;backup;files-account",
      properties: {
        containerType: "StorageContainer",
        backupManagementType: "AzureStorage",
        friendlyName: "files-account",
        sourceResourceId: account,
        acquireStorageAccountLock: "Acquire",
      },
    });
    expect(inputsOf("recoveryservices:ProtectedItem")).toEqual({
      fabricName: "Azure",
      vaultName: "files-vault",
      resourceGroupName: "backup",
      containerName: "StorageContainer;Storage;backup;files-account",
      protectedItemName: "AzureFileShare;files",
      properties: {
        protectedItemType: "AzureFileShareProtectedItem",
        friendlyName: "files",
        policyId: `${subscription}/resourceGroups/backup/providers/Microsoft.Other/things/files-policy`,
        sourceResourceId: account,
      },
    });
    const store = await new Promise((resolve) => {
      backup.store.apply(resolve);
    });
    expect(store).toEqual({ kind: "azure-files", account: "files-account", share: "files" });
  });

  it("makes each only once what it needs is there", async () => {
    await declare();
    const needs = (name: string) => [...(waitsFor.get(`files-${name}`) ?? [])].sort();
    expect(needs("soft-delete")).toEqual(["files-account"]);
    expect(needs("share")).toEqual(["files-account", "files-soft-delete"]);
    expect(needs("policy")).toEqual(["files-vault"]);
    expect(needs("container")).toEqual([
      "files-account",
      "files-policy",
      "files-share",
      "files-soft-delete",
      "files-vault",
    ]);
    expect(needs("item")).toEqual([
      "files-account",
      "files-container",
      "files-policy",
      "files-share",
      "files-soft-delete",
    ]);
  });

  it("stays in Azure when it is removed, unless it is meant to go", async () => {
    await declare();
    expect([...retained].filter(([name]) => name !== "files").map(([, kept]) => kept)).toEqual(Array(7).fill(true));
    await declare({ onRemoval: "delete" });
    expect([...retained].filter(([name]) => name !== "files").map(([, kept]) => kept)).toEqual(Array(7).fill(false));
  });

  it("runs several times a day, from the first of them to the last", async () => {
    await declare({ when: { cron: "0 8-20/4 * * *", timeZone: "America/New_York" }, keep: { daily: 49 } });
    const first = "2020-01-01T08:00:00.000Z";
    expect(inputsOf("recoveryservices:ProtectionPolicy")?.properties).toMatchObject({
      timeZone: "Eastern Standard Time",
      schedulePolicy: {
        schedulePolicyType: "SimpleSchedulePolicy",
        scheduleRunFrequency: "Hourly",
        hourlySchedule: { interval: 4, scheduleWindowStartTime: first, scheduleWindowDuration: 12 },
      },
      retentionPolicy: {
        dailySchedule: { retentionTimes: [first], retentionDuration: { count: 49, durationType: "Days" } },
      },
    });
  });

  it("keeps the last backup of each week, month and year", async () => {
    await declare({ keep: { daily: 14, weekly: 12, monthly: 60, yearly: 10 } });
    const lastDay = { daysOfTheMonth: [{ date: 0, isLast: true }] };
    expect(inputsOf("recoveryservices:ProtectionPolicy")?.properties).toMatchObject({
      retentionPolicy: {
        retentionPolicyType: "LongTermRetentionPolicy",
        dailySchedule: { retentionTimes: [start], retentionDuration: { count: 14, durationType: "Days" } },
        weeklySchedule: {
          daysOfTheWeek: ["Sunday"],
          retentionTimes: [start],
          retentionDuration: { count: 12, durationType: "Weeks" },
        },
        monthlySchedule: {
          retentionScheduleFormatType: "Daily",
          retentionScheduleDaily: lastDay,
          retentionTimes: [start],
          retentionDuration: { count: 60, durationType: "Months" },
        },
        yearlySchedule: {
          retentionScheduleFormatType: "Daily",
          retentionScheduleDaily: lastDay,
          monthsOfYear: ["December"],
          retentionTimes: [start],
          retentionDuration: { count: 10, durationType: "Years" },
        },
      },
    });
  });

  it("keeps in the vault what is to be kept there, and some days of snapshots beside it", async () => {
    await declare({ tier: { kind: "vault", snapshotDays: 7 }, keep: { daily: 400, yearly: 99 } });
    const { properties } = inputsOf("recoveryservices:ProtectionPolicy") ?? {};
    expect(properties).not.toHaveProperty("retentionPolicy");
    expect(properties).toMatchObject({
      vaultRetentionPolicy: {
        snapshotRetentionInDays: 7,
        vaultRetention: {
          retentionPolicyType: "LongTermRetentionPolicy",
          dailySchedule: { retentionDuration: { count: 400, durationType: "Days" } },
          yearlySchedule: { retentionDuration: { count: 99, durationType: "Years" } },
        },
      },
    });
  });

  it("takes an existing account and share as they are", async () => {
    const id = `${subscription}/resourceGroups/shares/providers/Microsoft.Storage/storageAccounts/contosofiles`;
    await declare({ account: { id }, share: { name: "public", existing: true } });
    expect(typesOf().filter((type) => type.startsWith("azure-native:storage"))).toEqual([]);
    expect(inputsOf("recoveryservices:ProtectionContainer")).toMatchObject({
      resourceGroupName: "backup",
      containerName: "StorageContainer;Storage;shares;contosofiles",
      properties: { sourceResourceId: id },
    });
    expect(inputsOf("recoveryservices:ProtectedItem")).toMatchObject({
      protectedItemName: "AzureFileShare;public",
      properties: { friendlyName: "public", sourceResourceId: id },
    });
    await declare({ account: { id }, share: { name: "public", existing: true }, shareSoftDeleteDays: 30 });
    expect(inputsOf("storage:FileServiceProperties")).toMatchObject({
      accountName: "contosofiles",
      resourceGroupName: "shares",
      shareDeleteRetentionPolicy: { enabled: true, days: 30 },
    });
  });

  it("takes an existing vault as it is", async () => {
    const id = `${subscription}/resourceGroups/vaults/providers/Microsoft.RecoveryServices/vaults/central`;
    await declare({ vault: { id }, policyName: "files-nightly", protectedItemName: "AzureFileShare;4f0e9a6b" });
    expect(inputsOf("recoveryservices:Vault")).toBeUndefined();
    for (const kind of ["ProtectionPolicy", "ProtectionContainer", "ProtectedItem"])
      expect(inputsOf(`recoveryservices:${kind}`)).toMatchObject({ vaultName: "central", resourceGroupName: "vaults" });
    expect(inputsOf("recoveryservices:ProtectionPolicy")).toMatchObject({ policyName: "files-nightly" });
    expect(inputsOf("recoveryservices:ProtectedItem")).toMatchObject({ protectedItemName: "AzureFileShare;4f0e9a6b" });
  });

  it("declares a vault as it is told to", async () => {
    await declare({
      vault: {
        name: "central",
        softDelete: { state: "AlwaysON", days: 30 },
        immutability: "Locked",
        redundancy: "GeoRedundant",
        crossRegionRestore: true,
        publicNetworkAccess: "Disabled",
      },
    });
    expect(inputsOf("recoveryservices:Vault")).toMatchObject({
      vaultName: "central",
      properties: {
        publicNetworkAccess: "Disabled",
        redundancySettings: { standardTierStorageRedundancy: "GeoRedundant", crossRegionRestore: "Enabled" },
        securitySettings: {
          softDeleteSettings: { softDeleteState: "AlwaysON", softDeleteRetentionPeriodInDays: 30 },
          immutabilitySettings: { state: "Locked" },
        },
      },
    });
  });

  it("is what the controls read: a protection, and no gap", async () => {
    await declare({
      tier: { kind: "vault" },
      keep: { daily: 30, monthly: 12 },
      vault: { name: "central" },
      policyName: "nightly",
    });
    const resources = made.map(
      ({ type, name, inputs }): PlainResource => ({ urn: `urn:${name}`, type, name, properties: inputs }),
    );
    const { protections, gaps } = readAzure(resources, {});
    expect(gaps).toEqual([]);
    expect(protections).toMatchObject([
      {
        interval: 86_400_000,
        lookBack: 12 * 28 * 86_400_000,
        places: [{ medium: "azure-snapshot" }, { medium: "azure-vault" }],
      },
    ]);
  });

  it("refuses all that is wrong at once, before anything is declared", () => {
    const wrong = (args: Partial<AzureFileShareBackupArgs>) => () =>
      new AzureFileShareBackup("files", { ...base, ...args });
    const tier = { kind: "vault" } as const;
    expect(wrong({ tier, share: { name: "files", quota: 10_241 } })).toThrow(
      /^files: share\.quota: must be at most 10240 GiB with tier\.kind "vault"/,
    );
    expect(wrong({ keep: { daily: 201 }, share: { name: "F" }, shareSoftDeleteDays: 366 })).toThrow(
      /^files: keep\.daily: is 201, .* at most 200; share\.name: .*; shareSoftDeleteDays: must be a whole number from 1 to 365$/,
    );
    expect(
      wrong({ vault: { softDelete: { days: 13 }, redundancy: "ZoneRedundant", crossRegionRestore: true } }),
    ).toThrow(/vault\.softDelete\.days: .* 14 to 180; vault\.crossRegionRestore: needs redundancy: "GeoRedundant"/);
    expect(wrong({ share: { name: "files", existing: true } })).toThrow(/share\.existing: .*account\.id/);
    expect(made.filter(({ type }) => type.startsWith("azure-native"))).toEqual([]);
  });

  it("takes a share as large as a vault can keep, and a larger one without a vault tier", async () => {
    await declare({ tier: { kind: "vault" }, share: { name: "files", quota: 10_240 } });
    await declare({ share: { name: "files", quota: 10_241 } });
    expect(made.filter(({ type }) => type.endsWith(":FileShare")).map(({ inputs }) => inputs.shareQuota)).toEqual([
      10_240, 10_241,
    ]);
  });
});

describe("a vault", () => {
  const claim = (at: number, vault: string, account = `/accounts/${at}`) =>
    claimVault(`urn:${at}`, { component: `share-${at}`, account, vault });

  it("protects at most 200 shares of a program", () => {
    for (let at = 0; at < 200; at += 1) claim(at, "/vaults/Full");
    expect(() => claim(200, "/vaults/full")).toThrow(
      /^share-200: vault: protects 201 shares of this program, .* at most 200 shares of a vault a day/,
    );
    claim(200, "/vaults/another");
    claim(0, "/vaults/full", "/accounts/0");
  });

  it("has an account for itself", () => {
    claim(1_000, "/vaults/one", "/accounts/shared");
    expect(() => claim(1_001, "/vaults/two", "/Accounts/Shared")).toThrow(/^share-1001: vault: .* 1 vault only/);
    claim(1_001, "/vaults/ONE", "/Accounts/Shared");
  });
});
