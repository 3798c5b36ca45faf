import { z } from "zod";
import { formatShareAddress } from "../../declaration/azure-share";
import { absolutePath, secretReference, variableName } from "../../declaration/primitives";
import { azureFilesStore } from "./azure-files/schema";

const directoryStore = z.strictObject({
  kind: z.literal("directory"),
  /** Absolute path of the store on the host. Created when it is declared; never by a run. */
  path: absolutePath,
});

/** A URL that says a user's password in clear. */
const passwordInUrl = /^[a-z0-9]+:(?:[a-z]+:)?\/\/[^/@]*:[^/@]*@/;
const onAnotherHost = /^(?:sftp|rest|s3|azure|b2|gs|swift|rclone):./;

/** A restic repository, as restic names it. */
const repository = z
  .string("must be a restic repository")
  .max(4096, "must be at most 4096 characters")
  .refine(
    (value) => onAnotherHost.test(value) || absolutePath.safeParse(value).success,
    "must be an absolute path without '..' steps, or begin with sftp:, rest:, s3:, azure:, b2:, gs:, swift: or rclone:",
  )
  .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), "must not contain control characters")
  .refine(
    (value) => !passwordInUrl.test(value),
    "must not hold a password: name it in environment, for a REST server as RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD",
  );

/** Variables that this package sets for restic itself. */
const ownVariables =
  /^(?:RESTIC_REPOSITORY|RESTIC_REPOSITORY_FILE|RESTIC_PASSWORD|RESTIC_PASSWORD_FILE|RESTIC_PASSWORD_COMMAND)$/;

/** A restic repository as a store. */
export const resticStore = z.strictObject({
  kind: z.literal("restic"),
  /** An absolute path of the host, or `sftp:user@host:/path`, `rest:https://host/name`, `s3:…`, `azure:…`. Created when it is declared; never by a run. */
  repository,
  /** The repository's password. Whoever loses it loses the backups. */
  password: secretReference,
  /** What the back end needs, by environment variable: `AWS_SECRET_ACCESS_KEY`, `AZURE_ACCOUNT_KEY`, `RESTIC_REST_PASSWORD`, … */
  environment: z
    .record(
      variableName.refine((name) => !ownVariables.test(name), "is set from repository and password"),
      secretReference,
    )
    .optional(),
  /** restic's extended options, such as `{"sftp.command": "ssh -i /etc/backup/key backup@host -s sftp"}`. */
  options: z
    .record(
      z.string().regex(/^[a-z0-9]+\.[a-z0-9-]+$/, "must be an extended option of restic, such as sftp.command"),
      z
        .string("must be text")
        .min(1, "must not be empty")
        .max(4096, "must be at most 4096 characters")
        .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), "must not contain control characters"),
    )
    .optional(),
});

/** Where recovery points live, told apart by `kind`. */
export const storeSchema = z.discriminatedUnion(
  "kind",
  [directoryStore, azureFilesStore, resticStore],
  'must be an object whose kind is "directory", "azure-files" or "restic"',
);

/** Where recovery points live. */
export type StoreDeclaration = z.infer<typeof storeSchema>;

/** A store as messages name it: where it is, without anything secret. */
export function describePlace(store: StoreDeclaration): string {
  switch (store.kind) {
    case "directory":
      return store.path;
    case "azure-files":
      return formatShareAddress({ ...store, folder: "" });
    case "restic":
      return store.repository;
  }
}

/** The folder of the host that a store lies in; null where it lies elsewhere. */
export function folderOfStore(store: StoreDeclaration): string | null {
  switch (store.kind) {
    case "directory":
      return store.path;
    case "azure-files":
      return null;
    case "restic":
      return onAnotherHost.test(store.repository) ? null : store.repository;
  }
}
