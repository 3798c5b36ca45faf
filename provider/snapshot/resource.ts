import type * as pulumi from "@pulumi/pulumi";
import type { ArgsOf } from "../resource/inputs";
import { LookUp, PostureResource, type Where } from "../resource/stub";
import type { SnapshotDeclaration } from "./schema";

/** What a FileShareSnapshot declares; see the members of the declaration for units and defaults. */
export type FileShareSnapshotArgs = ArgsOf<SnapshotDeclaration>;

const outputs = ["share", "store", "pointId", "takenAt", "files", "bytes", "digest"] as const;

/**
 * One recovery point of a file share, taken during `up`, for instance before a migration, and kept out of every prune.
 *
 * Its id is stable and `pointId` names the current point: `up` takes a new one when it is missing, damaged, or older than
 * `maxAge`, and lets the old one go only when the new one was read back whole.
 *
 * @example
 * new FileShareSnapshot("before-migration", {
 *   share: { path: "/srv/files" },
 *   store: { kind: "directory", path: "/backup/files" },
 *   verify: "content",
 * });
 */
export class FileShareSnapshot extends PostureResource {
  /** `healthy`, `missing`, `damaged: N files`, `older than maxAge: …`, or why it could not be looked at. */
  declare public readonly health: pulumi.Output<string>;
  declare public readonly share: pulumi.Output<SnapshotDeclaration["share"]>;
  declare public readonly store: pulumi.Output<SnapshotDeclaration["store"]>;
  /** The store's name for the current recovery point. */
  declare public readonly pointId: pulumi.Output<string>;
  /** When its capture began, ISO 8601 in UTC. */
  declare public readonly takenAt: pulumi.Output<string>;
  declare public readonly files: pulumi.Output<number>;
  /** Sum of the sizes of its files, in bytes. */
  declare public readonly bytes: pulumi.Output<number>;
  /** SHA-256 of its manifest, in hex. */
  declare public readonly digest: pulumi.Output<string>;

  /** An existing snapshot, by its id; it is observed, not managed. */
  public static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    where: Where = {},
    options: pulumi.CustomResourceOptions = {},
  ): FileShareSnapshot {
    return new FileShareSnapshot(name, new LookUp(where), { ...options, id });
  }

  /** What is wrong with the arguments is told by `preview`, all at once, before anything is touched. */
  constructor(name: string, args: FileShareSnapshotArgs | LookUp, options?: pulumi.CustomResourceOptions) {
    super("FileShareSnapshot", name, args, outputs, options);
  }
}
