import type { PlanStep } from "../../restore/plan";
import {
  failOverToMirror,
  installMirror,
  setStoreLocation,
  startServicesTogether,
  stopServices,
  uninstallMirror,
} from "../commands";
import { formatSqlAddress, type Pool, type SqlAddress } from "../topology";
import { type PlanContext, toStep } from "./context";
import { buildComputers } from "./machine-steps";

/** The primary half of a mirrored Back End is lost: the mirror takes over, and a new one is built. */
export function replacePrimary(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const survivor = mirrorOf(pool);
  const lost = formatSqlAddress(pool.backEnd);
  const kept = formatSqlAddress(survivor);
  return [
    toStep(context, {
      id: `fail-over-${pool.fqdn}`,
      title: `Make ${kept} the principal of ${pool.fqdn}`,
      row: null,
      commands: [failOverToMirror(pool.fqdn)],
      permissions: ["RTCUniversalServerAdmins"],
      before: [{ text: `${lost} is really lost: it cannot be reached, and will not come back.` }],
      after: [{ text: `${kept} is the principal of the user databases of ${pool.fqdn}.` }],
      destroys: `what ${lost} had not sent to ${kept} yet`,
      pitfalls: ["Databases of other kinds on that instance fail over on their own, by SQL Server's tools."],
    }),
    ...pointAtSurvivor(context, pool, survivor),
    publish(context, `unmirror-${pool.fqdn}`, `Publish the topology of ${pool.fqdn} without a mirror`, [
      "Topology Builder: download the topology from the existing deployment.",
      `Clear the mirroring of the SQL Server store ${lost}, and publish.`,
    ]),
    publish(context, `repoint-${pool.fqdn}`, `Publish the topology of ${pool.fqdn} with the store on ${kept}`, [
      `Topology Builder: make ${kept} the SQL Server store of ${pool.fqdn}, and publish.`,
    ]),
    ...restartFrontEnds(context, pool),
    removeMirror(context, pool, survivor),
    ...buildComputers(context, [pool.backEnd.server], { sql: true }),
    addMirror(context, pool, survivor, pool.backEnd),
  ];
}

/** The mirror half is lost: the primary goes on, and a new mirror is built. */
export function replaceMirror(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const lost = mirrorOf(pool);
  return [
    removeMirror(context, pool, pool.backEnd),
    ...buildComputers(context, [lost.server], { sql: true }),
    addMirror(context, pool, pool.backEnd, lost),
  ];
}

/** Mirrors a principal's databases to another instance. */
export function addMirror(context: PlanContext, pool: Pool, principal: SqlAddress, mirror: SqlAddress): PlanStep {
  const facts = {
    id: `install-mirror-${pool.fqdn}`,
    title: `Mirror the databases of ${pool.fqdn} from ${formatSqlAddress(principal)} to ${formatSqlAddress(mirror)}`,
    row: null,
    permissions: ["RTCUniversalServerAdmins"],
    before: [{ text: `The published topology has ${formatSqlAddress(mirror)} as the mirror.` }],
    after: [{ text: "The state of every mirrored database is synchronized." }],
    destroys: `databases of the same names on ${formatSqlAddress(mirror)}`,
    pitfalls: ["Mirroring means the full recovery model: without log backups the logs grow without bounds."],
  } as const;
  if (context.mirrorShare !== null)
    return toStep(context, { ...facts, commands: [installMirror(principal, context.mirrorShare)] });
  return toStep(context, {
    ...facts,
    instructions: [
      "Choose a share that the service accounts of both SQL Servers can write, and run Install-CsMirrorDatabase with it, or publish the mirror with Topology Builder, which asks for the share.",
    ],
  });
}

function pointAtSurvivor(context: PlanContext, pool: Pool, survivor: SqlAddress): readonly PlanStep[] {
  if (!pool.hostsCentralManagementStore) return [];
  return [
    toStep(context, {
      id: "set-store-location",
      title: `Point Active Directory at ${formatSqlAddress(survivor)}`,
      row: "set-store-location",
      commands: [setStoreLocation({ ...survivor, edition: pool.backEnd.edition })],
      permissions: ["RTCUniversalServerAdmins"],
      before: [
        {
          text: `${formatSqlAddress(survivor)} is the principal of xds and lis, too; if not, fail them over by SQL Server's tools.`,
        },
      ],
      repeatable: true,
    }),
  ];
}

function publish(context: PlanContext, id: string, title: string, instructions: readonly string[]): PlanStep {
  return toStep(context, {
    id,
    title,
    row: "publish-topology",
    instructions,
    permissions: ["RTCUniversalServerAdmins", "domain-administrator"],
    repeatable: true,
  });
}

function restartFrontEnds(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const [first, ...others] = pool.frontEnds;
  if (first === undefined) return [];
  return [
    toStep(context, {
      id: `restart-${pool.fqdn}`,
      title: `Restart the services of every Front End Server of ${pool.fqdn}`,
      row: null,
      commands: [stopServices([first, ...others]), startServicesTogether([first, ...others])],
      permissions: ["RTCUniversalServerAdmins", "local-administrator"],
      after: [{ text: "A user signs in." }],
      repeatable: true,
    }),
  ];
}

function removeMirror(context: PlanContext, pool: Pool, principal: SqlAddress): PlanStep {
  return toStep(context, {
    id: `uninstall-mirror-${pool.fqdn}`,
    title: `Take the lost half out of the mirror of ${pool.fqdn}`,
    row: null,
    commands: [uninstallMirror(principal)],
    permissions: ["RTCUniversalServerAdmins"],
    after: [{ text: `No database of ${pool.fqdn} is in a mirroring session.` }],
    repeatable: true,
  });
}

function mirrorOf(pool: Pool): SqlAddress {
  if (pool.backEnd.mirror === undefined) throw new RangeError(`the Back End of ${pool.fqdn} has no mirror`);
  return pool.backEnd.mirror;
}
