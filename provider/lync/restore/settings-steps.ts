import type { PlanStep } from "../../restore/plan";
import { joinPath } from "../backup-parts";
import {
  enableTopology,
  exportConfiguration,
  importConfiguration,
  importLocationInformation,
  installCentralManagementDatabase,
  queryPools,
  queryReplication,
  setStoreLocation,
} from "../commands";
import { centralManagementInstance, formatSqlAddress } from "../topology";
import { centralPool, checkBy, fileIsThere, findPart, type PlanContext, toStep } from "./context";

/** Brings the Central Management store back: empty databases, the pointer, the configuration, the topology. */
export function restoreCentralManagementStore(context: PlanContext): readonly PlanStep[] {
  const settings = importSettings(context);
  if (settings.length === 0) return [exportFromReplica(context)];
  const instance = centralManagementInstance(context.topology);
  const address = formatSqlAddress(instance);
  return [
    toStep(context, {
      id: "create-central-management-store",
      title: `Create the databases of the Central Management store on ${address}`,
      row: "create-databases",
      commands: [installCentralManagementDatabase(instance, { clean: true })],
      permissions: ["RTCUniversalServerAdmins"],
      before: [
        { text: `${address} runs, and holds no Central Management store that is still of use.` },
        { text: "The recovery set holds the configuration: without it nothing fills the empty store." },
      ],
      after: [{ text: `${address} has the databases xds and lis.` }],
      destroys: `the databases xds and lis on ${address}: topology, policies, configuration and location information`,
      repeatable: true,
    }),
    toStep(context, {
      id: "set-store-location",
      title: `Point Active Directory at ${address}`,
      row: "set-store-location",
      commands: [setStoreLocation(instance)],
      permissions: ["RTCUniversalServerAdmins"],
      repeatable: true,
    }),
    ...settings,
    enable(context),
  ];
}

/** Without the configuration nothing may be deleted or pointed at an empty store: a replica that survived comes first. */
function exportFromReplica(context: PlanContext): PlanStep {
  const [computer = null] = centralPool(context).frontEnds;
  const folder = joinPath(context.set.folder, "replica");
  const file = joinPath(folder, "configuration.zip");
  return toStep(context, {
    id: "export-from-replica",
    title: "Export the configuration from a replica that survived",
    row: null,
    commands: [exportConfiguration(file, { localStore: true })],
    computer,
    permissions: ["RTCUniversalServerAdmins"],
    before: [{ text: `${folder} is there, and ${file} is not.` }],
    after: [
      fileIsThere(file),
      {
        text: "Add it to the recovery set as its configuration, say that it is a replica's, and make this plan anew: until then the store is not restored.",
      },
    ],
    pitfalls: ["A replica may be older than the store was. Any computer of the deployment that still runs has one."],
  });
}

/** Merges location information back. */
export function restoreLocationInformation(context: PlanContext): readonly PlanStep[] {
  const found = findPart(context, ({ subject }) => subject.kind === "location-information");
  if (found === null) return [];
  return [
    toStep(context, {
      id: "import-location-information",
      reads: [found.part.name],
      title: "Restore location information (E9-1-1)",
      row: "import-location-information",
      commands: [importLocationInformation(found.path)],
      permissions: ["RTCUniversalServerAdmins"],
      before: [fileIsThere(found.path)],
      after: [
        { text: "Addresses and subnets that are known to be in the backup are listed in the location information." },
      ],
      repeatable: true,
    }),
  ];
}

/** Enables the last published topology, where nothing was published anew. */
function enable(context: PlanContext): PlanStep {
  const [computer = null] = centralPool(context).frontEnds;
  return toStep(context, {
    id: "enable-topology",
    title: "Enable the last published topology",
    row: "enable-topology",
    commands: [enableTopology()],
    computer,
    permissions: ["RTCUniversalServerAdmins", "domain-administrator", "local-administrator"],
    after: [checkBy(context, "Replicas become UpToDate.", queryReplication())],
    repeatable: true,
  });
}

function importSettings(context: PlanContext): readonly PlanStep[] {
  const found = findPart(context, ({ subject }) => subject.kind === "configuration");
  if (found === null) return [];
  return [
    toStep(context, {
      id: "import-configuration",
      reads: [found.part.name],
      title: "Import topology, policies and configuration",
      row: "import-configuration",
      commands: [importConfiguration(found.path)],
      permissions: ["RTCUniversalServerAdmins"],
      before: [fileIsThere(found.path)],
      after: [checkBy(context, "All pools of the deployment are listed.", queryPools())],
      destroys: "configuration that is in the store and not in the recovery set",
      repeatable: true,
    }),
  ];
}
