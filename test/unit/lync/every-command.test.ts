import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { exportCommand, listBackupParts, restoredPath } from "../../../provider/lync/backup-parts";
import {
  backUpDatabase,
  type Command,
  copyFileStore,
  discoveredRoles,
  exportConfiguration,
  exportLocationInformationFrom,
  queryPools,
  queryReplication,
  queryServices,
  toArgumentArray,
  verifyDatabaseBackup,
} from "../../../provider/lync/commands";
import { listFailures, planRestore } from "../../../provider/lync/restore-plan";
import { listDatabases, listPools, parseTopology, type Topology } from "../../../provider/lync/topology";
import { generatedTopology } from "./generated-topologies";
import { findBindingFault, readParameterSets } from "./parameter-sets";
import { type ParsedCommand, parsePowerShell } from "./powershell-grammar";

/** 5,000 with POSTURE_PROPERTY_RUNS=5000; the short form is part of every test run. */
const runs = Number(process.env.POSTURE_PROPERTY_RUNS ?? 30);
const known = readParameterSets();
const folder = "D:\\run it\\o'clock \u2019$(x)`";

/** What is called beside the cmdlets of the reference. */
const builtIn = new Set(["ConvertTo-Json", "Import-Module", "Invoke-Command"]);

/** What deletes or closes what it copies, publishes emptiness, or mirrors deletions. */
const never = [
  /RemoveExportedConfiguration/i,
  /DisableExportedNodes/i,
  /Export-CsArchivingData/i,
  /FinalizeUninstall/i,
  /Publish-CsTopology/i,
];

interface Line {
  readonly what: string;
  readonly arguments: readonly string[];
}

/** Every argument array that anything makes for a deployment: backup, looking, restoring from every failure. */
function everyLine(topology: Topology): readonly Line[] {
  const parts = listBackupParts(topology);
  const chatBySql = listBackupParts(topology, "sql-server");
  const file = (name: string) => `${folder}\\${name}`;
  const made: (Command | null)[] = [
    ...parts.map((part) => exportCommand(part, restoredPath(part, folder))),
    exportConfiguration(file("c.zip"), { localStore: true }),
    exportLocationInformationFrom(listPools(topology)[0]!.frontEnds[0]!, file("l.zip")),
    ...listDatabases(topology).flatMap((database) => [
      backUpDatabase(database, file("d.bak")),
      verifyDatabaseBackup(database, file("d.bak")),
    ]),
    ...parts.flatMap(({ subject }) =>
      subject.kind === "file-store" ? [copyFileStore(subject.path, file("fs"), file("log"))] : [],
    ),
    queryPools(),
    queryReplication(),
    ...discoveredRoles.map((role) => queryServices(role)),
  ];
  const backup = made.flatMap((command) =>
    command === null ? [] : [{ what: "backup", arguments: toArgumentArray(command, topology.product) }],
  );
  const restore = listFailures(topology).flatMap((failure) =>
    ([parts, chatBySql] as const).flatMap((set, index) => {
      const view = {
        id: "set-1",
        startedAt: new Date(0),
        folder,
        parts: set.map(({ name }) => ({ name, schedule: "lync", point: `point-of-${name}`, startedAt: new Date(0) })),
      };
      const plan = planRestore(topology, failure, view, {
        persistentChat: index === 0 ? "export" : "sql-server",
        ...(index === 0 ? {} : { mirrorShare: "\\\\fs01\\it's $(x)" }),
        rolledBackUsers: index === 0 ? [] : ["sip:o'neil@contoso.com"],
      });
      return plan.steps.flatMap((step) =>
        [...step.commands, ...[...step.before, ...step.after].flatMap(({ command }) => command ?? [])].map(
          (command) => ({
            what: step.id,
            arguments: command.arguments,
          }),
        ),
      );
    }),
  );
  return [...new Map([...backup, ...restore].map((line) => [line.arguments.join("\0"), line])).values()];
}

async function checkLine(line: Line, topology: Topology): Promise<void> {
  const [program, ...rest] = line.arguments;
  if (program === "powershell") return checkScript(decode(rest), topology);
  const text = rest.join(" ");
  if (program === "backup-posture") return;
  if (program === "robocopy") {
    expect(rest).toEqual(expect.arrayContaining(["/R:2", "/W:5", "/XF", "Meeting.Active", "/XJ"]));
    const options = rest.slice(2).filter((argument) => argument.startsWith("/"));
    expect(options.filter((option) => /^\/(MIR|PURGE|MOVE?|MOV|CREATE)\b/i.test(option))).toEqual([]);
    expect(rest.slice(0, 2).every((path) => /^([A-Za-z]:\\|\\\\)/.test(path) && !path.endsWith("\\"))).toBe(true);
    return;
  }
  expect(program).toBe("sqlcmd");
  expect(rest).toEqual(expect.arrayContaining(["-b", "-x", "-E"]));
  expect(rest.at(-2)).toBe("-Q");
  checkStatement(rest.at(-1)!);
  expect(text).not.toMatch(/[\r\n]/);
}

async function checkScript(script: string, topology: Topology): Promise<void> {
  const commands = await parsePowerShell(script);
  for (const command of commands) {
    expect(describeForbidden(command)).toBeNull();
    if (builtIn.has(command.name)) continue;
    expect(`${command.name}: ${findBindingFault(command, topology.product, known)}`).toBe(`${command.name}: null`);
    const stop = command.elements.findIndex(
      (element) => element.kind === "parameter" && element.name === "ErrorAction",
    );
    expect(command.elements[stop + 1]).toEqual({ kind: "other", source: "Stop" });
  }
  expect(commands.length).toBeGreaterThan(1);
}

/** Whole names and switches only: a path may hold any words. */
function describeForbidden(command: ParsedCommand): string | null {
  const words = [
    command.name,
    ...command.elements.flatMap((element) => (element.kind === "parameter" ? [element.name] : [])),
  ];
  return words.find((word) => never.some((pattern) => pattern.test(word))) ?? null;
}

/** One statement: outside of its quoted parts nothing ends it, comments it out or begins another. */
function checkStatement(statement: string): void {
  const bare = statement.replace(/N'(?:[^']|'')*'/g, "N''").replace(/\[(?:[^\]]|\]\])*\]/g, "[]");
  expect(bare).not.toMatch(/;|--|\/\*|\bGO\b/i);
  expect(bare).toMatch(
    /^(BACKUP DATABASE \[\] TO DISK=N'' WITH COPY_ONLY, INIT, CHECKSUM,( COMPRESSION,)? STATS=10|RESTORE VERIFYONLY FROM DISK=N'' WITH CHECKSUM|RESTORE DATABASE \[\] FROM DISK=N'' WITH REPLACE, CHECKSUM, RECOVERY, STATS=10|SELECT member\.name FROM .* WHERE role\.name = N'')$/,
  );
}

function decode(powershellArguments: readonly string[]): string {
  expect(powershellArguments.slice(0, -1)).toEqual(["-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand"]);
  return Buffer.from(powershellArguments.at(-1)!, "base64").toString("utf16le");
}

describe.each(["standard-edition", "enterprise-pool", "two-pools-mirrored"])("the example %s", (name) => {
  const path = join(__dirname, `../../../examples/lync-enterprise-pool/topologies/${name}.json`);
  const topology = parseTopology(JSON.parse(readFileSync(path, "utf8")));
  const lines = everyLine(topology);
  it.each(lines.map((line, index) => [index, line.what, line] as const))("line %i, of %s", async (_, __, line) => {
    await checkLine(line, topology);
  });
});

describe("generated deployments", () => {
  it(`every command of ${runs} of them parses and binds to one parameter set of its product`, async () => {
    let lines = 0;
    await fc.assert(
      fc.asyncProperty(generatedTopology, async (topology) => {
        for (const line of everyLine(topology)) {
          await checkLine(line, topology);
          lines += 1;
        }
      }),
      { numRuns: runs },
    );
    expect(lines).toBeGreaterThan(runs * 10);
  }, 600_000);
});
