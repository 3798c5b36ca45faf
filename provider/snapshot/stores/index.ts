import { AzureFilesStore } from "./azure-files/azure-files-store";
import { DirectoryStore } from "./directory/directory-store";
import { ResticStore } from "./restic/restic-store";
import { RetryingStore } from "./retrying";
import { folderOfStore, type StoreDeclaration } from "./schema";
import type { Store } from "./store";

/** The store that a declaration speaks of, one line for each kind. Nothing is looked at yet. */
export function openStore(declaration: StoreDeclaration): Store {
  switch (declaration.kind) {
    case "directory":
      return new DirectoryStore(declaration.path);
    case "azure-files":
      return new AzureFilesStore(declaration);
    case "restic": {
      const store = new ResticStore(declaration);
      return folderOfStore(declaration) === null ? new RetryingStore(store) : store;
    }
  }
}
