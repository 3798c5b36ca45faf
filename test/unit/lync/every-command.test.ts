import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { exportCommand, listBackupParts, restoredPath } from "../../../provider/lync/backup-parts";
import {
  backUpDatabase,
  type Command,
  copyFileStore,
  copyFileStoreHere,
  discoveredRoles,
  exportConfiguration,
  exportLocationInformationFrom,
  lookAtFileStore,
  queryDatabase,
  queryPools,
  queryReplication,
  queryResponseGroups,
  queryServices,
  responseGroupService,
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
      queryDatabase(database),
    ]),
    ...parts.flatMap(({ subject }) =>
      subject.kind === "file-store"
        ? [
            copyFileStore(subject.path, file("fs"), file("log")),
            copyFileStoreHere(subject.path),
            lookAtFileStore(subject.path),
          ]
        : [],
    ),
    queryPools(),
    queryReplication(),
    ...listPools(topology).flatMap(({ fqdn, frontEnds: [computer] }) => [
      queryReplication(computer),
      queryServices("ApplicationServer", fqdn),
      queryResponseGroups(responseGroupService(fqdn)),
    ]),
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

/** What is wrong with a line; one `expect` for all of them, since thousands are slow. */
async function findFaults({ arguments: [program, ...rest] }: Line, topology: Topology): Promise<readonly string[]> {
  if (program === "backup-posture") return [];
  if (program === "powershell") return findScriptFaults(rest, topology);
  if (program === "robocopy") return findCopyFaults(rest);
  if (program !== "sqlcmd") return [`unknown program ${program ?? ""}`];
  const missing = ["-b", "-x", "-E", "-Q"].filter((option) => !rest.includes(option));
  return [...missing.map((option) => `sqlcmd without ${option}`), ...findStatementFaults(rest.at(-1) ?? "")];
}

function findCopyFaults(rest: readonly string[]): readonly string[] {
  const needed = rest.includes("/L")
    ? ["/R:0", "/W:0", "/XJ"]
    : ["/R:2", "/W:5", "/XF", "Meeting.Active", "/XJ", "/COPY:DATS", "/DCOPY:T"];
  const missing = needed.filter((option) => !rest.includes(option));
  const forbidden = rest.slice(2).filter((option) => /^\/(MIR|PURGE|MOVE?|CREATE)\b/i.test(option));
  const paths = rest
    .slice(0, 2)
    .filter((path) => path !== "files" && (!/^([A-Za-z]:\\|\\\\)/.test(path) || path.endsWith("\\")));
  return [
    ...missing.map((option) => `robocopy without ${option}`),
    ...forbidden.map((option) => `robocopy with ${option}`),
    ...paths.map((path) => `robocopy with the path ${path}`),
  ];
}

async function findScriptFaults(rest: readonly string[], topology: Topology): Promise<readonly string[]> {
  const switches = rest.slice(0, -1).join(" ");
  if (switches !== "-NoLogo -NoProfile -NonInteractive -EncodedCommand") return [`powershell ${switches}`];
  const commands = await parsePowerShell(Buffer.from(rest.at(-1) ?? "", "base64").toString("utf16le"));
  const faults = commands.flatMap((command) => {
    const forbidden = describeForbidden(command);
    if (forbidden !== null) return [`${command.name} with ${forbidden}`];
    if (builtIn.has(command.name)) return [];
    const fault = findBindingFault(command, topology.product, known);
    return [
      ...(fault === null ? [] : [fault]),
      ...(stopsAtErrors(command) ? [] : [`${command.name} goes on after errors`]),
    ];
  });
  return commands.length > 1 ? faults : [...faults, "a script without commands"];
}

function stopsAtErrors({ elements }: ParsedCommand): boolean {
  const at = elements.findIndex((element) => element.kind === "parameter" && element.name === "ErrorAction");
  const value = elements[at + 1];
  return at >= 0 && value?.kind === "other" && value.source === "Stop";
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
function findStatementFaults(statement: string): readonly string[] {
  const bare = statement.replace(/N'(?:[^']|'')*'/g, "N''").replace(/\[(?:[^\]]|\]\])*\]/g, "[]");
  const forms = [
    /^BACKUP DATABASE \[\] TO DISK=N'' WITH COPY_ONLY, INIT, CHECKSUM,( COMPRESSION,)? STATS=10$/,
    /^RESTORE VERIFYONLY FROM DISK=N'' WITH CHECKSUM; IF @@ERROR = 0 PRINT N''$/,
    /^SET NOCOUNT ON; SELECT name FROM sys\.databases WHERE name = N''$/,
    /^RESTORE DATABASE \[\] FROM DISK=N'' WITH REPLACE, CHECKSUM, RECOVERY, STATS=10$/,
    /^SELECT member\.name FROM \[\]\.sys[\w .=[\]]* WHERE role\.name = N''$/,
  ];
  return forms.some((form) => form.test(bare)) ? [] : [`not a known statement: ${bare}`];
}

describe.each(["standard-edition", "enterprise-pool", "two-pools-mirrored"])("the example %s", (name) => {
  const path = join(__dirname, `../../../examples/lync-enterprise-pool/topologies/${name}.json`);
  const topology = parseTopology(JSON.parse(readFileSync(path, "utf8")));
  const lines = everyLine(topology);
  it.each(lines.map((line, index) => [index, line.what, line] as const))("line %i, of %s", async (_, __, line) => {
    expect(await findFaults(line, topology)).toEqual([]);
  });
});

describe("generated deployments", () => {
  it(`every command of ${runs} of them parses and binds to one parameter set of its product`, async () => {
    let lines = 0;
    await fc.assert(
      fc.asyncProperty(generatedTopology, async (topology) => {
        const found = await Promise.all(everyLine(topology).map((line) => findFaults(line, topology)));
        expect(found.flat()).toEqual([]);
        lines += found.length;
      }),
      { numRuns: runs },
    );
    expect(lines).toBeGreaterThan(runs * 10);
    process.stdout.write(`${lines} command lines of ${runs} generated deployments\n`);
  }, 7_200_000);
});
