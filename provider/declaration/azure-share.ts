import { z } from "zod";
import { absolutePath } from "./primitives";

/** The name of a storage account. */
export const storageAccountName = z
  .string("must be the name of a storage account")
  .regex(/^[a-z0-9]{3,24}$/, "must be the name of a storage account: 3 to 24 lower-case letters and digits");

/** The name of a file share. */
export const fileShareName = z
  .string("must be the name of a file share")
  .regex(
    /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
    "must be the name of a file share: 3 to 63 lower-case letters, digits and single hyphens",
  );

/** A folder of an Azure file share. */
export interface AzureFolder {
  readonly account: string;
  readonly share: string;
  /** Relative to the share's root, with `/`; empty for the root itself. */
  readonly folder: string;
}

const prefix = "azure-files://";

/** Whether a share's path is meant to be the address of an Azure file share. */
export function isShareAddress(path: string): boolean {
  return path.startsWith(prefix);
}

/** `azure-files://account/share/folder`. */
export function formatShareAddress({ account, share, folder }: AzureFolder): string {
  return `${prefix}${account}/${share}${folder === "" ? "" : `/${folder}`}`;
}

/** What an address names; null where it is none. */
export function parseShareAddress(address: string): AzureFolder | null {
  if (!isShareAddress(address)) return null;
  const [account = "", share = "", ...folders] = address.slice(prefix.length).split("/");
  const fits = storageAccountName.safeParse(account).success && fileShareName.safeParse(share).success;
  return fits && folders.every(isFolderName) ? { account, share, folder: folders.join("/") } : null;
}

/** The names that Azure Files allows. */
function isFolderName(name: string): boolean {
  return (
    name !== "" && name !== "." && name !== ".." && name.length <= 255 && !/["\\:|<>*?\u0000-\u001f\u007f]/.test(name)
  );
}

/** Where a share is: an absolute path of this platform, or the address of an Azure file share, `azure-files://account/share/folder`. */
export const sharePath = z.string("must be an absolute path").superRefine((path, context) => {
  const messages = isShareAddress(path)
    ? parseShareAddress(path) === null
      ? ["must be an address such as azure-files://account/share/folder"]
      : []
    : (absolutePath.safeParse(path).error?.issues ?? []).map(({ message }) => message);
  for (const message of messages) context.addIssue({ code: "custom", message });
});

interface OnShares {
  readonly store: { readonly kind: string; readonly account?: string | undefined; readonly share?: string | undefined };
  /** The paths of shares by their properties; null for a source that is none. */
  readonly paths: Readonly<Record<string, string | null>>;
}

/**
 * What does not fit together: the recovery points of an Azure Files store are snapshots of the share itself, so it takes them of that share
 * and of nothing else, and no other store can read an Azure file share by its address. One sentence each, with its property.
 */
export function findMisplacedShares({ store, paths }: OnShares): readonly string[] {
  return Object.entries(paths).flatMap(([property, path]) => {
    const place = path === null ? null : parseShareAddress(path);
    if (store.kind !== "azure-files") {
      return place === null
        ? []
        : [
            `${property}: is an Azure file share, whose recovery points are its own snapshots: store must be of kind "azure-files"; to copy its files elsewhere, mount it and declare the path`,
          ];
    }
    return place?.account === store.account && place?.share === store.share
      ? []
      : [
          `${property}: must be azure-files://${store.account ?? ""}/${store.share ?? ""} or a folder of it: the recovery points of this store are snapshots of that share`,
        ];
  });
}
