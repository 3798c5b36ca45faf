import { mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../provider/snapshot/stores/index";
import { openAzureFiles } from "../fixtures/azure-files/store-under-test";
import { describeStore, type StoreUnderTest } from "./store-conformance";

describeStore({ name: "directory", open: openDirectory });
describeStore({ name: "azure-files", keeps: { modes: false, links: false }, open: openAzureFiles });

async function openDirectory(): Promise<StoreUnderTest> {
  const root = await mkdtemp(join(tmpdir(), "directory-store-"));
  const place = join(root, "store");
  const reopen = () => openStore({ kind: "directory", path: place });
  const findPack = async () => join(place, "packs", (await readdir(join(place, "packs")))[0] ?? "");
  return {
    store: reopen(),
    reopen,
    tamper: {
      hide: async () => {
        await rename(place, join(root, "away"));
        return () => rename(join(root, "away"), place);
      },
      flipContent: async () => flipBit(await findPack(), 1_000),
      flipManifest: (id) => flipBit(join(place, "points", `${id}.manifest`), 300),
      loseContent: async () => rm(await findPack()),
    },
    size: () => sizeOf(place),
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

async function flipBit(path: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x10]), 0, 1, position);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  let size = 0;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) size += (await stat(join(entry.parentPath, entry.name))).size;
  return size;
}
