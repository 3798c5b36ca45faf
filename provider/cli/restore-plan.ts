import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { absolutePath, duration, identifier, instant } from "../declaration/primitives";
import { findFailure, formatFailure, listFailures, planRestore, type RecoverySetView } from "../lync/restore-plan";
import { type Topology, topologySchema } from "../lync/topology";
import { writeFileAtomically } from "../platform/atomic-file";
import { now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import { renderPlan } from "../restore/plan-markdown";
import { requireRestorable } from "../restore/restorable";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { type CommandContext, type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { readJsonFile } from "./input-files";
import { findStored, storeOption } from "./stores";

/** `backup-posture restore plan`: prints what to do, in order, after a failure of a Lync deployment. */
export function registerRestorePlan(restore: Command, surroundings: CommandSurroundings): void {
  register(
    restore,
    {
      usage: "plan",
      summary: "print the plan to restore a Lync or Skype for Business deployment after a failure",
      details:
        "The plan is made for this topology and for the newest whole recovery sets of the schedules that are named. It is printed as Markdown, " +
        "or with --json as JSON; --out writes the JSON that restore run takes.",
      options: [
        ["--topology <file>", "the topology, as JSON"],
        ["--lost <failure>", "what was lost; without it, the failures that this topology can have are listed"],
        ["--from <id...>", "the schedules whose newest whole recovery sets are restored from"],
        storeOption,
        ["--folder <path>", "where the parts of the recovery set are brought to before they are imported"],
        ["--persistent-chat <how>", "how Persistent Chat was backed up, export or sql-server; default: export"],
        ["--mirror-share <path>", "a share that both SQL Servers of a mirror can write"],
        ["--rolled-back <user...>", "users whose contacts were rolled back from Exchange since"],
        ["--active-directory-at <instant>", "when Active Directory was backed up"],
        ["--max-skew <duration>", "how far apart parts of the set, and Active Directory, may be"],
        ["--out <file>", "write the plan as JSON into this file, for restore run"],
      ],
      examples: [
        ["restore plan --topology topology.json", "the failures that there can be"],
        [
          "restore plan --topology topology.json --lost user-data:pool01.contoso.com --from lync --folder D:\\restore --out plan.json",
          "a plan to bring back a pool's user data",
        ],
      ],
      input: z.object({
        topology: z.string("is required").min(1, "is required"),
        lost: z.string().min(1).optional(),
        from: z.array(identifier).default([]),
        store: z.string().min(1).optional(),
        folder: absolutePath.optional(),
        persistentChat: z.enum(["export", "sql-server"], 'must be "export" or "sql-server"').optional(),
        mirrorShare: absolutePath.optional(),
        rolledBack: z.array(z.string().min(1)).optional(),
        activeDirectoryAt: instant.optional(),
        maxSkew: duration.optional(),
        out: z.string().min(1).optional(),
      }),
      act: async (context, input) => {
        const topology = await readJsonFile(input.topology, topologySchema);
        if (input.lost === undefined) return reportFailures(topology);
        const failure = findFailure(topology, input.lost);
        if (failure === undefined)
          throw new PostureError(
            "usage",
            `--lost ${input.lost}: not a failure of this topology; restore plan --topology ${input.topology} lists those`,
          );
        if (input.folder === undefined)
          throw new PostureError("usage", "restore plan: --folder is required with --lost");
        const set = await findRecoverySet(context, input.from, input.store, input.folder);
        const plan = planRestore(topology, failure, set, {
          ...(context.homeNamed ? { home: context.home.root } : {}),
          ...(input.store === undefined ? {} : { store: resolve(input.store) }),
          ...(input.persistentChat === undefined ? {} : { persistentChat: input.persistentChat }),
          ...(input.mirrorShare === undefined ? {} : { mirrorShare: input.mirrorShare }),
          ...(input.rolledBack === undefined ? {} : { rolledBackUsers: input.rolledBack }),
          ...(input.activeDirectoryAt === undefined
            ? {}
            : { activeDirectoryBackedUpAt: new Date(input.activeDirectoryAt) }),
          ...(input.maxSkew === undefined ? {} : { maxSkewMilliseconds: toMilliseconds(input.maxSkew) }),
        });
        if (input.out !== undefined)
          await writeFileAtomically(resolve(input.out), `${JSON.stringify(plan, null, 2)}\n`);
        return { exitCode: exitCodes.fine, document: plan, text: renderPlan(plan).trimEnd() };
      },
    },
    surroundings,
  );
}

function reportFailures(topology: Topology) {
  const failures = listFailures(topology).map(formatFailure);
  return { exitCode: exitCodes.fine, document: { failures }, text: failures.join("\n") };
}

/** The newest whole sets of all schedules, seen as one: each schedule has parts of its own. */
async function findRecoverySet(
  { home, signal }: CommandContext,
  ids: readonly string[],
  storePath: string | undefined,
  folder: string,
): Promise<RecoverySetView> {
  const points: RecoveryPoint[] = [];
  for (const id of ids) {
    const { store, schedule } = await findStored(home, id, storePath);
    points.push(...requireRestorable({ schedule, point: "latest" }, await store.list({ schedule }, signal), now()));
  }
  const [first] = points;
  if (first === undefined) throw new PostureError("usage", "restore plan: --from must name at least one schedule");
  const repeated = points.find(({ source }, index) => points.findIndex((point) => point.source === source) !== index);
  if (repeated !== undefined)
    throw new PostureError("usage", `--from: more than one of these schedules has a source ${repeated.source}`);
  return {
    id: [...new Set(points.map(({ set }) => set.id))].join(" + "),
    startedAt: new Date(Math.min(...points.map(({ startedAt }) => startedAt.getTime()))),
    folder,
    parts: points.map(({ source, schedule, id, startedAt }) => ({ name: source, schedule, point: id, startedAt })),
  };
}
