import { join } from "node:path";
import {
  type Command,
  exportConfiguration,
  exportLocationInformation,
  exportLocationInformationFrom,
  exportPersistentChat,
  exportResponseGroups,
  exportUserData,
  queryPools,
  queryReplication,
  queryResponseGroups,
  queryServices,
} from "../lync/commands";
import { readList, readObject, readText } from "../lync/powershell-json";
import { PostureError } from "../platform/errors";
import { requireProducedFile } from "./produced-file";
import type { SourceDeclaration } from "./schema";
import type { Gathered, Source, Staging } from "./source";
import { commandFailure, requireWindowsCommand, runWindowsCommand } from "./windows-command";
import { checkZipArchive } from "./zip-archive";

type LyncExport = Extract<SourceDeclaration, { kind: "lync-export" }>;

/** What exports of configuration and user data always hold. */
const documents = "DocItemSet.xml";

/**
 * One export of Lync Server or Skype for Business Server, made by the product's own cmdlets in a fresh folder: they do not make missing
 * folders, and some refuse a file that is there. An export counts only once its archive was read to its end.
 */
export function openLyncExport(declaration: LyncExport): Source {
  return {
    kind: "lync-export",
    probe: async (signal) => {
      await askJson(contextOf(declaration, signal), queryPools());
    },
    gather: (staging, signal) => gather(contextOf(declaration, signal), staging),
  };
}

/** One look or one export while it goes on. */
interface Context {
  readonly declaration: LyncExport;
  readonly subject: string;
  readonly signal: AbortSignal;
}

function gather(context: Context, staging: Staging): Promise<Gathered> {
  const { export: wanted } = context.declaration;
  switch (wanted.kind) {
    case "configuration":
      return gatherConfiguration(context, wanted.replica ?? null, staging);
    case "location-information":
      return gatherArchive(context, staging, null, (file) =>
        wanted.computer === undefined
          ? exportLocationInformation(file)
          : exportLocationInformationFrom(wanted.computer, file),
      );
    case "response-groups":
      return gatherResponseGroups(context, wanted.pool, staging);
    case "user-data":
      return gatherArchive(context, staging, documents, (file) => exportUserData(wanted.pool, file));
    case "persistent-chat":
      return gatherArchive(context, staging, null, (file) => exportPersistentChat(wanted, file));
  }
}

/** Runs one export into a folder of its own, and reads what it made. */
async function gatherArchive(
  context: Context,
  staging: Staging,
  mustHold: string | null,
  command: (file: string) => Command,
): Promise<Gathered> {
  const { folder, file } = await makePlace(context, staging);
  await requireWindowsCommand(command(file), context.declaration.product, surroundingsOf(context));
  await requireArchive(context, file, mustHold);
  return { tree: { root: folder, exclude: [] } };
}

/** From the Central Management store, or, where that is allowed and the store fails, from this computer's replica. */
async function gatherConfiguration(context: Context, replica: string | null, staging: Staging): Promise<Gathered> {
  const { product } = context.declaration;
  const { folder, file } = await makePlace(context, staging);
  const fromStore = exportConfiguration(file);
  const completed = await runWindowsCommand(fromStore, product, surroundingsOf(context));
  if (completed.exitCode === 0) {
    await requireArchive(context, file, documents);
    return { tree: { root: folder, exclude: [] } };
  }
  if (replica === null) throw commandFailure(fromStore, completed, context.subject);
  const place = await makePlace(context, staging);
  const fromReplica = exportConfiguration(place.file, { localStore: true });
  await requireWindowsCommand(fromReplica, product, surroundingsOf(context));
  await requireArchive(context, place.file, documents);
  const state = await describeReplica(context, replica);
  return {
    tree: { root: place.folder, exclude: [] },
    notes: [
      `${context.subject}: the Central Management store failed; this is the replica of ${replica}, ${state}; the store may hold later changes`,
    ],
  };
}

/**
 * @returns what is known of the replica, as a sentence goes on.
 * @throws PostureError `permanent` where it is known to be behind: it would pass for what it is not.
 */
async function describeReplica(context: Context, replica: string): Promise<string> {
  const { exitCode, stdout } = await runWindowsCommand(
    queryReplication(replica),
    context.declaration.product,
    surroundingsOf(context),
  );
  if (exitCode !== 0) return "of which nobody could tell whether it is up to date";
  const states = readList(parseJson(context, stdout)).map((state) => readObject(state)?.UpToDate);
  if (states.length > 0 && states.every((upToDate) => upToDate === true)) return "which is up to date";
  throw new PostureError(
    "permanent",
    `${context.subject}: the Central Management store failed, and the replica of ${replica} is not up to date`,
  );
}

/** None deployed is no failure, and a failure is not "none deployed": what is deployed is listed before it is exported. */
async function gatherResponseGroups(context: Context, pool: string, staging: Staging): Promise<Gathered> {
  const service = readServiceName(context, await askJson(context, queryServices("ApplicationServer", pool)));
  if (service === null) return nothingToExport(context, staging, "the pool has no application service");
  const { product } = context.declaration;
  const listed = await requireWindowsCommand(queryResponseGroups(service), product, surroundingsOf(context));
  if (withoutMark(listed.stdout) === "") return nothingToExport(context, staging, "the pool has no Response Groups");
  return gatherArchive(context, staging, null, (file) => exportResponseGroups(service, file));
}

async function nothingToExport({ subject }: Context, staging: Staging, why: string): Promise<Gathered> {
  return {
    tree: { root: await staging.makeFolder(), exclude: [] },
    notes: [`${subject}: ${why}: there is nothing to export`],
  };
}

/** The name under which Response Groups are exported; null: the pool has no application service. */
function readServiceName(context: Context, services: unknown): string | null {
  const [first] = readList(services);
  if (first === undefined) return null;
  const object = readObject(first);
  const identity = object === null ? null : readText(object, "Identity", "ServiceId");
  if (identity === null || !/^(service:)?ApplicationServer:[A-Za-z0-9.-]+$/i.test(identity))
    throw new PostureError(
      "permanent",
      `${context.subject}: Get-CsService does not tell the name of the application service`,
    );
  return /^service:/i.test(identity) ? identity : `service:${identity}`;
}

async function requireArchive(context: Context, file: string, mustHold: string | null): Promise<void> {
  await requireProducedFile(file, context.subject);
  await checkZipArchive(file, context.subject, mustHold);
}

/** Fresh every time, for a second attempt too. */
async function makePlace(
  { declaration }: Context,
  staging: Staging,
): Promise<{ readonly folder: string; readonly file: string }> {
  const folder = await staging.makeFolder();
  return { folder, file: join(folder, `${fileNames[declaration.export.kind]}.zip`) };
}

/** As restore plans look for them. */
const fileNames = {
  configuration: "configuration",
  "location-information": "location-information",
  "response-groups": "response-groups",
  "user-data": "user-data",
  "persistent-chat": "persistent-chat-export",
} as const satisfies Record<LyncExport["export"]["kind"], string>;

async function askJson(context: Context, command: Command): Promise<unknown> {
  const { stdout } = await requireWindowsCommand(command, context.declaration.product, surroundingsOf(context));
  return parseJson(context, stdout);
}

/** Undefined where nothing was printed: there are none. */
function parseJson({ subject }: Context, printed: string): unknown {
  const text = withoutMark(printed);
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PostureError("permanent", `${subject}: what PowerShell answered is not JSON`, { cause });
  }
}

function withoutMark(printed: string): string {
  return printed.replace(/^\ufeff/, "").trim();
}

function contextOf(declaration: LyncExport, signal: AbortSignal): Context {
  const { export: wanted } = declaration;
  const subject = `${wanted.kind.replaceAll("-", " ")}${"pool" in wanted ? ` of ${wanted.pool}` : ""}`;
  return { declaration, subject, signal };
}

function surroundingsOf({ declaration, subject, signal }: Context) {
  return { subject, timeout: declaration.timeout, signal };
}
