import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../provider/snapshot/stores/index";
import { openAzureFiles } from "../fixtures/azure-files/store-under-test";
import {
  makeResticPlace,
  openCheaply,
  type ResticDeclaration,
  type ResticPlace,
  sizeOfPlace,
  tamperWith,
} from "../fixtures/restic-place";
import { type Server, startServer } from "../fixtures/servers";
import { type Mount, mountOverSsh } from "../fixtures/ssh-mount";
import { type SshServer, startSshServer } from "../fixtures/ssh-server";
import { describeStore, type StoreUnderTest } from "./store-conformance";

describeStore({ name: "directory", open: () => openDirectory() });
describeStore({ name: "azure-files", keeps: { modes: false, links: false }, open: openAzureFiles });
describeStore({ name: "restic", healsContents: false, open: openRestic });

describe("on a mount", () => {
  let root: string;
  let mount: Mount;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "mounted-stores-"));
    mount = await mountOverSsh(root);
  });

  afterAll(async () => {
    await mount.stop();
    await rm(root, { recursive: true, force: true });
  });

  describeStore({ name: "directory over sshfs, without hard links", open: () => openDirectory(mount.folder) });
});

describe("behind a network", () => {
  let root: string;
  let ssh: SshServer;
  let rest: Server;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "restic-servers-"));
    await mkdir(join(root, "rest"));
    ssh = await startSshServer(join(root, "ssh"));
    rest = await startServer((port) => [
      "rclone",
      "serve",
      "restic",
      "--addr",
      `127.0.0.1:${port}`,
      "--user",
      "backup",
      "--pass",
      "p@ss/word",
      join(root, "rest"),
    ]);
  });

  afterAll(async () => {
    await ssh.stop();
    await rest.stop();
    await rm(root, { recursive: true, force: true });
  });

  describeStore({
    name: "restic over SFTP",
    healsContents: false,
    open: async () => {
      const place = await makeResticPlace();
      const options = { "sftp.command": `ssh -F ${ssh.clientConfiguration} store -s sftp` };
      return openElsewhere(place, { repository: `sftp:store:${place.folder}`, options });
    },
  });

  describeStore({
    name: "restic over REST",
    healsContents: false,
    open: async () => {
      const place = await makeResticPlace();
      const name = randomUUID();
      await writeFile(join(place.root, "user"), "backup");
      await writeFile(join(place.root, "pass"), "p@ss/word");
      return openElsewhere(
        { ...place, folder: join(root, "rest", name) },
        {
          repository: `rest:http://127.0.0.1:${rest.port}/${name}/`,
          environment: {
            RESTIC_REST_USERNAME: { file: join(place.root, "user") },
            RESTIC_REST_PASSWORD: { file: join(place.root, "pass") },
          },
        },
      );
    },
  });
});

async function openDirectory(parent = tmpdir()): Promise<StoreUnderTest> {
  const root = await mkdtemp(join(parent, "directory-store-"));
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

async function openRestic(): Promise<StoreUnderTest> {
  const place = await makeResticPlace();
  return openElsewhere(place, { repository: place.folder });
}

/** A repository whose files lie in a folder of this machine, however restic reaches them. */
function openElsewhere(
  place: ResticPlace,
  declaration: Pick<ResticDeclaration, "repository" | "environment" | "options">,
): StoreUnderTest {
  const { folder, password } = place;
  const reopen = () => openCheaply({ kind: "restic", password, ...declaration }, folder);
  return {
    store: reopen(),
    reopen,
    tamper: tamperWith(folder),
    size: () => sizeOfPlace(folder),
    dispose: () => place.dispose(),
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
