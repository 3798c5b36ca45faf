import type * as pulumi from "@pulumi/pulumi";
import type { ArgsOf } from "../resource/inputs";
import { LookUp, PostureResource, type Where } from "../resource/stub";
import type { RestoreTargetDeclaration } from "./schema";

/** What a RestoreTarget declares; see the members of the declaration for units and defaults. */
export type RestoreTargetArgs = ArgsOf<RestoreTargetDeclaration>;

const outputs = ["from", "to", "drill", "maxRestoreTime", "evidence"] as const;

/**
 * A place to restore to, and the promise that restoring there works: drills restore into a scratch folder of it, compare
 * file by file, and leave evidence, which expires.
 *
 * @example
 * new RestoreTarget("files-restore", {
 *   from: { store: { kind: "directory", path: "/backup/files" }, schedule: schedule.id },
 *   to: "/srv/restore",
 *   drill: { every: "90d" },
 *   maxRestoreTime: "4h",
 * });
 */
export class RestoreTarget extends PostureResource {
  /** `healthy`, `no recovery point`, `place unusable: …`, `evidence expired: …`, `restore took …`, `drill failed: …`, or why it could not be looked at. */
  declare public readonly health: pulumi.Output<string>;
  declare public readonly from: pulumi.Output<RestoreTargetDeclaration["from"]>;
  declare public readonly to: pulumi.Output<string>;
  declare public readonly drill: pulumi.Output<RestoreTargetDeclaration["drill"]>;
  declare public readonly maxRestoreTime: pulumi.Output<RestoreTargetDeclaration["maxRestoreTime"]>;
  /** How far its evidence goes: the number of the newest record and its digest. Absent before the first drill. */
  declare public readonly evidence: pulumi.Output<
    { readonly records: number; readonly digest: string; readonly restartedAt?: string } | undefined
  >;

  /** An existing restore target, by its id; it is observed, not managed. */
  public static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    where: Where = {},
    options: pulumi.CustomResourceOptions = {},
  ): RestoreTarget {
    return new RestoreTarget(name, new LookUp(where), { ...options, id });
  }

  /** What is wrong with the arguments is told by `preview`, all at once, before anything is touched. */
  constructor(name: string, args: RestoreTargetArgs | LookUp, options?: pulumi.CustomResourceOptions) {
    super("RestoreTarget", name, args, outputs, options);
  }
}
