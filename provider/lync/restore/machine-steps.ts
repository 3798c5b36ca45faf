import type { PlanStep } from "../../restore/plan";
import { joinPath } from "../backup-parts";
import { copyFileStore, queryReplication } from "../commands";
import { checkBy, findPart, type PlanContext, type StepFacts, toStep } from "./context";

/** Builds computers anew, under their old names. */
export function buildComputers(
  context: PlanContext,
  computers: readonly string[],
  options: { readonly sql: boolean },
): readonly PlanStep[] {
  return computers.map((computer) =>
    toStep(context, {
      id: `build-${computer}`,
      title: `Build ${computer} anew, under its old name`,
      row: "build-computer",
      instructions: [
        `Install Windows with all updates on a clean machine, name it ${computer} and join it to the domain; keep its computer account.`,
        ...(options.sql
          ? ["Install SQL Server: the same version, the same instance names, the same service accounts and file paths."]
          : []),
        "Import the certificates with exportable private keys by the Certificates snap-in, or enrol anew with the internal certification authority.",
      ],
      computer,
      permissions: ["local-administrator"],
      before: [
        { text: `The computer account of ${computer} is in Active Directory.` },
        { text: `${computer} resolves to the address that it is to have.` },
      ],
      after: [{ text: `${computer} is a member of the domain and reaches a domain controller.` }],
      destroys: `everything that was on ${computer}`,
      repeatable: true,
      pitfalls: ["Nothing of this plan restores data onto a server that still has a state: begin with a clean one."],
    }),
  );
}

/** Setup and steps 1 to 4 of the Deployment Wizard on each computer, one by one. */
export function reinstallComponents(context: PlanContext, computers: readonly string[]): readonly PlanStep[] {
  return computers.map((computer) =>
    toStep(context, {
      id: `reinstall-${computer}`,
      title: `Reinstall the server's components on ${computer}`,
      row: "reinstall-components",
      instructions: [
        "Run \\setup\\amd64\\Setup.exe of the installation media.",
        "Deployment Wizard, step 1: install the local configuration store.",
        "Deployment Wizard, step 2: set up the components of the server.",
        "Deployment Wizard, step 3: request, install or assign the certificates.",
        "Deployment Wizard, step 4: start the services.",
        "Install the cumulative update that the other computers of the pool have.",
      ],
      computer,
      permissions: ["RTCUniversalServerAdmins", "local-administrator"],
      after: [checkBy(context, `The replica of ${computer} is UpToDate.`, queryReplication(computer))],
      repeatable: true,
      pitfalls: context.topology.edgeServers.includes(computer)
        ? [
            "An Edge Server usually takes the topology from a file: export the configuration, and choose that file in step 1.",
          ]
        : [],
    }),
  );
}

/** Copies a file store back to its path. */
export function restoreFileStore(context: PlanContext, name: string): readonly PlanStep[] {
  const found = findPart(context, ({ subject }) => subject.kind === "file-store" && subject.name === name);
  if (found?.part.subject.kind !== "file-store") return [];
  const { path } = found.part.subject;
  return [
    toStep(context, {
      id: `file-store-${name}`,
      reads: [found.part.name],
      title: `Restore file store ${name} to ${path}`,
      row: "restore-file-store",
      ...copyBack(context, found.part.name, found.path, path),
      permissions: ["file-store-writer"],
      before: [{ text: `The share ${path} exists, at the same path as before, with the permissions of the share.` }],
      after: [{ text: "The log of robocopy shows no file as failed." }],
      destroys: `files of the same names in ${path}, where they differ`,
      repeatable: true,
      pitfalls: [
        "The topology grants permissions within the share: enabling the topology afterwards repairs them.",
        "Files that are there and not in the recovery set stay.",
      ],
    }),
  ];
}

/** Robocopy knows Windows paths only: from another machine a person copies, to where the share is mounted. */
function copyBack(
  { set }: PlanContext,
  part: string,
  from: string,
  to: string,
): Pick<StepFacts, "commands" | "instructions"> {
  if (!set.folder.startsWith("/"))
    return { commands: [copyFileStore(from, to, joinPath(set.folder, `restore-${part}.log`))] };
  return {
    instructions: [`Copy ${from} into ${to}, where that share is mounted, with owners, permissions and times.`],
  };
}
