import { z } from "zod";
import { fileShareName, storageAccountName } from "../../../declaration/azure-share";
import { secretReference } from "../../../declaration/primitives";

const credential = z.discriminatedUnion(
  "kind",
  [
    /** The account's connection string. */
    z.strictObject({ kind: z.literal("connection-string"), connectionString: secretReference }),
    /** A shared access signature of the account, for the file service, with service, container and object access. */
    z.strictObject({ kind: z.literal("sas"), sas: secretReference }),
    /** One of the account's keys. */
    z.strictObject({ kind: z.literal("account-key"), accountKey: secretReference }),
  ],
  'must be an object whose kind is "connection-string", "sas" or "account-key"',
);

const mostCharacters = 63;
const catalogueSuffix = "-posture";

/** An Azure file share whose own snapshots are the recovery points. */
export const azureFilesStore = z
  .strictObject({
    kind: z.literal("azure-files"),
    account: storageAccountName,
    /** The share that is backed up. It must be there. */
    share: fileShareName,
    /** The share of the same account that holds the manifests; it is made when the store is declared. Default: the share's name and `-posture`. */
    catalogue: fileShareName.optional(),
    /** Of the account's file service. Default: `https://<account>.file.core.windows.net`. */
    endpoint: z
      .url({ error: "must be the URL of the account's file service" })
      .refine(isSafe, "must begin with https:// (http:// is for this machine only)")
      .optional(),
    /** By reference. Default: what the Azure SDK's DefaultAzureCredential finds where the runner runs, with the role Storage File Data Privileged Contributor. */
    credential: credential.optional(),
  })
  .refine(({ share, catalogue }) => catalogue !== share, {
    path: ["catalogue"],
    message: "must be another share than the one that is backed up",
  })
  .refine(
    ({ share, catalogue }) => catalogue !== undefined || share.length + catalogueSuffix.length <= mostCharacters,
    {
      path: ["catalogue"],
      message: `is needed: the share's name and ${catalogueSuffix} is longer than ${mostCharacters} characters`,
    },
  );

/** See {@link azureFilesStore}. */
export type AzureFilesDeclaration = z.infer<typeof azureFilesStore>;

/** The share that holds a store's manifests. */
export function catalogueOf({ share, catalogue }: AzureFilesDeclaration): string {
  return catalogue ?? `${share}${catalogueSuffix}`;
}

/** The address of the account's file service. */
export function endpointOf({ account, endpoint }: AzureFilesDeclaration): string {
  return endpoint ?? `https://${account}.file.core.windows.net`;
}

function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname));
}
