// The store's conformance suite on a real share: `npm run test:azure`, which says what the environment has to name.
import { randomBytes } from "node:crypto";
import { AzureFilesStore } from "../../provider/snapshot/stores/azure-files/azure-files-store";
import { connect } from "../../provider/snapshot/stores/azure-files/connection";
import type { AzureFilesDeclaration } from "../../provider/snapshot/stores/azure-files/schema";
import type { ShareClient } from "../../provider/snapshot/stores/azure-files/sdk";
import type { Store } from "../../provider/snapshot/stores/store";
import { describeStore, type StoreUnderTest } from "../contract/store-conformance";
import { publishByRest, removeByRest } from "../fixtures/azure-files/rest-client";
import { inShare } from "../fixtures/azure-files/store-under-test";

const { signal } = new AbortController();

describeStore({
  name: "azure-files on a real share",
  keeps: { modes: false, links: false },
  canBeTamperedWith: false,
  open: openRealShare,
});

/** With a catalogue of its own each time. What a test makes, it removes: snapshots, folders, and the catalogue's share. */
async function openRealShare(): Promise<StoreUnderTest> {
  const declaration = readDeclaration();
  const { share, catalogue } = await connect(declaration, {});
  const folders = new Set<string>();
  const put = async (from: string, folder: string) => {
    folders.add(folder);
    await publishByRest(from, share, folder);
  };
  const address = `azure-files://${declaration.account}/${declaration.share}`;
  const reopen = () => inShare(new AzureFilesStore(declaration), address, put);
  const none = () => Promise.reject(new Error("a real share cannot be tampered with"));
  return {
    store: reopen(),
    reopen,
    tamper: { hide: none, flipContent: none, flipManifest: none, loseContent: none },
    dispose: async () => {
      if (await catalogue.exists()) await forgetAll(new AzureFilesStore(declaration));
      await catalogue.deleteIfExists();
      for (const folder of folders) await removeFolder(share, folder);
    },
  };
}

function readDeclaration(): AzureFilesDeclaration {
  const { env } = process;
  const { AZURE_FILES_TEST_ENDPOINT: endpoint } = env;
  return {
    kind: "azure-files",
    account: env.AZURE_FILES_TEST_ACCOUNT ?? "",
    share: env.AZURE_FILES_TEST_SHARE ?? "",
    catalogue: `posture-test-${randomBytes(6).toString("hex")}`,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(env.AZURE_FILES_TEST_CONNECTION_STRING === undefined
      ? {}
      : {
          credential: {
            kind: "connection-string",
            connectionString: { env: "AZURE_FILES_TEST_CONNECTION_STRING" },
          },
        }),
  };
}

async function forgetAll(store: Store): Promise<void> {
  // A test that declared nothing leaves a share without a store, and so without points.
  const points = await store.list({}, signal).catch(() => []);
  for (const { id, pinnedBy } of points)
    await store.forget([id], pinnedBy === null ? {} : { releasePinsOf: pinnedBy }, signal);
}

async function removeFolder(share: ShareClient, folder: string): Promise<void> {
  await removeByRest(share.getDirectoryClient(folder));
}
