import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openSource } from "../../provider/sources/index";
import type { SourceDeclaration } from "../../provider/sources/schema";
import type { Ground } from "../fixtures/posture";
import { readArchive } from "../fixtures/windows/archive";
import { type Deployment, deploy, exampleTopology } from "../fixtures/windows/deployment";
import type { FailureMode, ServerState } from "../fixtures/windows/server";
import { describeSource, type SourceTraits, type SourceUnderTest } from "./source-conformance";

const pool = "pool01.contoso.com";
const backEnd = "sql01.contoso.com\\RTC";
const product = "lync2013";
let deployment: Deployment;

async function openCommand(
  { root }: Ground,
  script: string,
  output: { readonly stdout: string } | { readonly file: string },
): Promise<SourceUnderTest> {
  const data = join(root, "data");
  await writeFile(data, `-- dump\n${"x".repeat(100_000)}\n-- complete`);
  await writeFile(join(root, "secret"), data);
  await writeProgram(root, `${script}\nexit 2`);
  return {
    source: openSource({
      kind: "command",
      command: [join(root, "program"), ...("file" in output ? ["{output}"] : [])],
      output,
      exitCodes: [0, 2],
      minBytes: 50,
      startsWith: "-- dump",
      contains: "-- complete",
      environment: { DATA: { file: join(root, "secret") } },
    }),
    look: listTree,
    expected: async () => [["/dump.sql", await readFile(data, "utf8")]],
    change: () => writeFile(data, `-- dump\n${"y".repeat(100_000)}\n-- complete`),
    hide: () => rm(join(root, "program")),
    outside: [],
    dispose: async () => undefined,
  };
}

async function writeProgram(root: string, script: string): Promise<void> {
  await writeFile(join(root, "program"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Each makes the program behind a command source behave in another way. */
const commandFailures: NonNullable<SourceTraits["failures"]> = {
  "an exit code": (_, { root }) => writeProgram(root, "echo it failed; exit 3"),
  "a signal": (_, { root }) => writeProgram(root, "kill -9 $$"),
  "no bytes": (_, { root }) => writeFile(join(root, "data"), ""),
  "too few bytes": (_, { root }) => writeFile(join(root, "data"), "-- dump"),
  "another beginning": (_, { root }) => writeFile(join(root, "data"), `it failed\n${"x".repeat(100)}\n-- complete`),
  "half of it": (_, { root }) => writeFile(join(root, "data"), `-- dump\n${"x".repeat(100_000)}`),
  "a secret that is not there": (_, { root }) => rm(join(root, "secret")),
};

describeSource({
  name: "file-share",
  inPlace: true,
  open: async ({ share, root }) => ({
    source: openSource({ kind: "file-share", path: share }),
    look: listTree,
    expected: () => listTree(share),
    change: () => writeFile(join(share, "new.txt"), "new"),
    hide: () => rename(share, join(root, "away")),
    outside: [],
    dispose: async () => undefined,
  }),
});

describeSource({
  name: "command, what it prints",
  inPlace: false,
  open: (ground) => openCommand(ground, 'cat "$DATA"', { stdout: "dump.sql" }),
  failures: commandFailures,
});

describeSource({
  name: "command, the file that it makes",
  inPlace: false,
  open: (ground) => openCommand(ground, 'cat "$DATA" > "$1"', { file: "dump.sql" }),
  failures: commandFailures,
});

describeSource({
  name: "lync-export configuration",
  inPlace: false,
  open: () => openExport({ kind: "configuration" }, "DocItemSet.xml", xds),
  failures: {
    ...exportFailures("Export-CsConfiguration"),
    "without its documents": wrongContent("Export-CsConfiguration"),
  },
});

describeSource({
  name: "lync-export location-information, in a remote session",
  inPlace: false,
  open: () =>
    openExport({ kind: "location-information", computer: "fe02.contoso.com" }, "LisConfig.xml", at(backEnd, "lis")),
  failures: {
    "an error": failing("Export-CsLisConfiguration", "error"),
    "an error that does not end it": failing("Export-CsLisConfiguration", "non-terminating"),
    "no bytes": failing("Export-CsLisConfiguration", "silent"),
    "half an archive": failing("Export-CsLisConfiguration", "truncated"),
  },
});

describeSource({
  name: "lync-export location-information, here",
  inPlace: false,
  open: () => openExport({ kind: "location-information" }, "LisConfig.xml", at(backEnd, "lis")),
  failures: exportFailures("Export-CsLisConfiguration"),
});

describeSource({
  name: "lync-export user-data",
  inPlace: false,
  open: () => openExport({ kind: "user-data", pool }, "DocItemSet.xml", at(backEnd, "rtcxds")),
  failures: { ...exportFailures("Export-CsUserData"), "without its documents": wrongContent("Export-CsUserData") },
});

describeSource({
  name: "lync-export response-groups",
  inPlace: false,
  open: () => openExport({ kind: "response-groups", pool }, "RgsExport.xml", at(backEnd, "RgsConfig")),
  failures: {
    ...exportFailures("Export-CsRgsConfiguration"),
    "services that cannot be listed": failing("Get-CsService", "error"),
    "Response Groups that cannot be listed": failing("Get-CsRgsQueue", "error"),
  },
});

describeSource({
  name: "lync-export persistent-chat",
  inPlace: false,
  open: () =>
    openExport(
      { kind: "persistent-chat", server: "sql21.contoso.com", instance: "CHAT" },
      "chat.xml",
      at("sql21.contoso.com\\CHAT", "mgc"),
    ),
  failures: exportFailures("Export-CsPersistentChatData"),
});

describeSource({
  name: "lync-file-store",
  inPlace: false,
  open: async () => {
    const under = await openDeployment({ kind: "lync-file-store", path: "\\\\fs01.contoso.com\\LyncShare" });
    const share = deployment.shareFolder("east");
    return {
      ...under,
      look: listTree,
      expected: async () => (await listTree(share)).filter(([path]) => !path.endsWith("Meeting.Active")),
      change: () => writeFile(join(share, "new.txt"), "new"),
      hide: () => rename(share, `${share}-away`),
    };
  },
  failures: {
    "files that cannot be copied": failing("robocopy", "some-files"),
    "nothing begun": failing("robocopy", "fatal"),
    "exit code 0, and nothing copied": failing("robocopy", "silent"),
    "another file in use": async () =>
      deployment.change((state) => {
        state.locked.push("content ünï.xml");
      }),
  },
});

describeSource({
  name: "sql-server",
  inPlace: false,
  open: async ({ root }) => {
    const folder = join(root, "handover");
    await mkdir(folder);
    const under = await openDeployment({
      kind: "sql-server",
      server: "sql21.contoso.com",
      database: "LcsLog",
      edition: "enterprise",
      folder,
    });
    const content = at("sql21.contoso.com", "LcsLog");
    return {
      ...under,
      look: async (tree) => {
        const backup = JSON.parse((await readFile(join(tree, "LcsLog.bak"), "utf8")).slice(4)) as Record<
          string,
          unknown
        >;
        expect(backup).toMatchObject({ database: "LcsLog", copyOnly: true, compressed: true });
        return backup.content;
      },
      expected: async () => content(deployment.read()),
      change: async () =>
        deployment.change((state) => {
          state.instances["sql21.contoso.com"]!.LcsLog = { rows: 2 };
        }),
      outside: [folder],
    };
  },
  failures: {
    "an error": failing("BACKUP", "error"),
    "exit code 0, and no file": failing("BACKUP", "silent"),
    "an empty file": failing("BACKUP", "empty-file"),
    "half a file": failing("BACKUP", "truncated"),
    "exit code 0, and not read again": failing("VERIFYONLY", "silent"),
    "no such database": async () =>
      deployment.change((state) => {
        state.instances["sql21.contoso.com"] = {};
      }),
    "a folder that is not there": (_, { root }) => rename(join(root, "handover"), join(root, "away")),
  },
});

describe("what exports say of how they came about", () => {
  const signal = new AbortController().signal;
  let under: SourceUnderTest;
  const stage = async () => {
    const folder = join(deployment.folder, `staged-${Math.random()}`);
    await mkdir(folder);
    return folder;
  };
  const staging = { makeFolder: stage, makeFolderWithin: stage, keepFolder: stage };
  const open = async (wanted: Extract<SourceDeclaration, { kind: "lync-export" }>["export"]) => {
    under = await openDeployment({ kind: "lync-export", product, export: wanted });
    return under.source;
  };
  afterEach(() => under.dispose());

  it("a replica stands in where that is allowed, and the journal is told", async () => {
    const source = await open({ kind: "configuration", replica: "fe01.contoso.com" });
    deployment.change((state) => {
      state.instances = {};
    });
    const { tree, notes } = await source.gather(staging, signal);
    expect(await readdir(tree.root)).toEqual(["configuration.zip"]);
    expect(notes).toEqual([
      "configuration: the Central Management store failed; this is the replica of fe01.contoso.com, of which nobody could tell whether it is up to date; the store may hold later changes",
    ]);
  });

  it("a replica that is known to be up to date is labelled so", async () => {
    const source = await open({ kind: "configuration", replica: "fe01.contoso.com" });
    deployment.change((state) => {
      state.locked.push("xds");
    });
    const { notes } = await source.gather(staging, signal);
    expect(notes).toEqual([expect.stringContaining("the replica of fe01.contoso.com, which is up to date;")]);
  });

  it("a replica that is behind is refused", async () => {
    const source = await open({ kind: "configuration", replica: "fe01.contoso.com" });
    deployment.change((state) => {
      state.locked.push("xds");
      state.computers["fe01.contoso.com"]!.replica.upToDate = false;
    });
    await expect(source.gather(staging, signal)).rejects.toThrow("the replica of fe01.contoso.com is not up to date");
  });

  it("no Response Groups is no failure", async () => {
    const source = await open({ kind: "response-groups", pool });
    deployment.change((state) => {
      state.instances[backEnd]!.RgsConfig = { items: [] };
    });
    const { tree, notes } = await source.gather(staging, signal);
    expect(await readdir(tree.root)).toEqual([]);
    expect(notes).toEqual([
      "response groups of pool01.contoso.com: the pool has no Response Groups: there is nothing to export",
    ]);
  });

  it("no application service is no failure either", async () => {
    const source = await open({ kind: "response-groups", pool });
    deployment.change((state) => {
      const xds = state.instances[backEnd]!.xds!;
      state.instances[backEnd]!.xds = { ...xds, services: [] };
    });
    expect((await source.gather(staging, signal)).notes).toEqual([
      "response groups of pool01.contoso.com: the pool has no application service: there is nothing to export",
    ]);
  });
});

function xds(state: ServerState): unknown {
  return state.instances[backEnd]?.xds;
}

function at(address: string, database: string): (state: ServerState) => unknown {
  return (state) => state.instances[address]?.[database];
}

async function openExport(
  wanted: Extract<SourceDeclaration, { kind: "lync-export" }>["export"],
  document: string,
  content: (state: ServerState) => unknown,
): Promise<SourceUnderTest> {
  const under = await openDeployment({ kind: "lync-export", product, export: wanted });
  return {
    ...under,
    look: async (root) => {
      const [name = "", ...others] = await readdir(root);
      expect(others).toEqual([]);
      return JSON.parse((await readArchive(await readFile(join(root, name))))[document] ?? "") as unknown;
    },
    expected: async () => content(deployment.read()),
    change: async () =>
      deployment.change((state) => {
        const holder = content(state) as Record<string, unknown>;
        if (Array.isArray(holder.items)) holder.items.push({ type: "Queue", name: "New", owner: pool });
        else holder.changed = true;
      }),
  };
}

/** A deployment, with the stand-ins in front of everything else on PATH. */
async function openDeployment(declaration: SourceDeclaration): Promise<SourceUnderTest> {
  deployment = await deploy(await exampleTopology("two-pools-mirrored"));
  const { PATH, WINDOWS_STAND_IN } = process.env;
  Object.assign(process.env, deployment.environment);
  return {
    source: openSource(declaration),
    look: async () => undefined,
    expected: async () => undefined,
    change: async () => undefined,
    hide: async () =>
      deployment.change((state) => {
        state.instances = {};
      }),
    outside: [],
    dispose: async () => {
      Object.assign(process.env, { PATH });
      if (WINDOWS_STAND_IN === undefined) delete process.env.WINDOWS_STAND_IN;
      await deployment.remove();
    },
  };
}

function exportFailures(cmdlet: string): NonNullable<SourceTraits["failures"]> {
  return {
    "an error": failing(cmdlet, "error"),
    "an error that does not end it": failing(cmdlet, "non-terminating"),
    "exit code 0, and no file": failing(cmdlet, "silent"),
    "an empty file": failing(cmdlet, "empty-file"),
    "half an archive": failing(cmdlet, "truncated"),
    "an archive with a wrong sum": failing(cmdlet, "damaged"),
  };
}

function wrongContent(cmdlet: string): () => Promise<void> {
  return failing(cmdlet, "wrong-content");
}

function failing(command: string, mode: FailureMode): () => Promise<void> {
  return () => deployment.failWith({ [command]: mode });
}

async function listTree(root: string): Promise<(readonly [string, string])[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const read = files.sort().map(async (path) => [path.slice(root.length), await readFile(path, "utf8")] as const);
  return Promise.all(read);
}
