import type { PlanStep } from "../../restore/plan";
import {
  importResponseGroups,
  importUserData,
  installConfiguredDatabases,
  queryServices,
  rehearseUserData,
  startServicesTogether,
  stopServices,
} from "../commands";
import { formatSqlAddress, type Pool, type SqlInstance } from "../topology";
import { checkBy, fileIsThere, findPart, type PlanContext, toStep } from "./context";

/** Creates the databases that the topology has on an instance. */
export function createDatabases(context: PlanContext, instance: SqlInstance): PlanStep {
  const address = formatSqlAddress(instance);
  return toStep(context, {
    id: `create-databases-${address}`,
    title: `Create the databases that the topology has on ${address}`,
    row: "create-databases",
    commands: [installConfiguredDatabases(instance)],
    permissions: ["RTCUniversalServerAdmins"],
    before: [{ text: `${address} runs under its old name, and the topology can be read.` }],
    after: [{ text: `${address} has the databases that the topology lists for it, with their permissions.` }],
    repeatable: true,
    pitfalls: ["Without -Clean, databases that are there are kept."],
  });
}

/** Brings user data back while no Front End Server of the pool runs: stop all, import, start all together. */
export function restoreUserData(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const found = findPart(context, ({ subject }) => subject.kind === "user-data" && subject.pool === pool.fqdn);
  const [first, ...others] = pool.frontEnds;
  if (found === null || first === undefined) return [];
  const rehearsal = rehearseUserData(context.topology.product, found.path);
  return [
    toStep(context, {
      id: `stop-${pool.fqdn}`,
      title: `Stop the services of every Front End Server of ${pool.fqdn}`,
      row: null,
      commands: [stopServices([first, ...others])],
      permissions: ["RTCUniversalServerAdmins", "local-administrator"],
      before:
        rehearsal === null ? [] : [checkBy(context, "A rehearsal, which writes nothing, reports no error.", rehearsal)],
      after: [{ text: `No service of the product runs on ${pool.frontEnds.join(", ")}.` }],
      repeatable: true,
      pitfalls: [`Users of ${pool.fqdn} are signed out until all of them are started again.`],
    }),
    toStep(context, {
      id: `import-user-data-${pool.fqdn}`,
      reads: [found.part.name],
      title: `Restore persistent user data and conference IDs of ${pool.fqdn}`,
      row: "import-user-data",
      commands: [importUserData(pool.fqdn, found.path)],
      permissions: ["RTCUniversalServerAdmins"],
      before: [fileIsThere(found.path), { text: `No service of the product runs on ${pool.frontEnds.join(", ")}.` }],
      destroys: `contacts, conferences and rights of users of ${pool.fqdn} that were changed after the recovery set was taken`,
      repeatable: true,
      pitfalls: contactStorePitfalls(context),
    }),
    toStep(context, {
      id: `start-${pool.fqdn}`,
      title: `Start the services of every Front End Server of ${pool.fqdn} together`,
      row: null,
      commands: [startServicesTogether([first, ...others])],
      permissions: ["RTCUniversalServerAdmins", "local-administrator"],
      after: [
        { text: `All services run on ${pool.frontEnds.join(", ")}.` },
        { text: "A user signs in, and sees the contacts of the time of the recovery set." },
      ],
      repeatable: true,
      pitfalls: ["A pool needs a quorum of its Front End Servers to start: do not start them one after the other."],
    }),
  ];
}

/** Brings a pool's Response Groups back. */
export function restoreResponseGroups(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const found = findPart(context, ({ subject }) => subject.kind === "response-groups" && subject.pool === pool.fqdn);
  if (found === null) return [];
  return [
    toStep(context, {
      id: `import-response-groups-${pool.fqdn}`,
      reads: [found.part.name],
      title: `Restore the Response Groups of ${pool.fqdn}`,
      row: "import-response-groups",
      commands: [importResponseGroups(pool.fqdn, found.path)],
      permissions: ["RTCUniversalServerAdmins"],
      before: [
        fileIsThere(found.path),
        checkBy(
          context,
          `The application service of ${pool.fqdn} is listed.`,
          queryServices("ApplicationServer", pool.fqdn),
        ),
      ],
      after: [{ text: "Agent groups, queues and workflows are listed, and a call to a workflow is answered." }],
      destroys: `Response Group settings and the default music on hold that ${pool.fqdn} has now`,
      pitfalls: [
        ...(pool.applicationAudio ? ["Original audio files come back from their own copy."] : []),
        "Repeated after it succeeded, it fails for names that are there already.",
      ],
    }),
  ];
}

function contactStorePitfalls({ topology }: PlanContext): readonly string[] {
  if (!topology.exchange.unifiedContactStore) return [];
  return [
    "Contacts that were migrated to Exchange after the recovery set was taken are outdated for up to one day; nothing is to be done.",
    'Contacts that were rolled back from Exchange after the recovery set was taken: users see "Error: Incorrect Exchange Version"; see the last step.',
  ];
}
