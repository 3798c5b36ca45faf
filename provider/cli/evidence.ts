import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { formatMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import { type EvidenceRecord, listEvidence, readEvidence } from "../restore/evidence";
import { type EvidenceVerdict, verifyEvidence, verifySink } from "../restore/evidence-verify";
import { type Home, requireHome } from "../runner/home";
import { findJob } from "../runner/job";
import { type CommandSurroundings, register } from "./command";
import { registerEvidenceDeliver, registerEvidencePrune, registerEvidenceReceive } from "./evidence-keeping";
import { describeRecord, describeVerdict } from "./evidence-text";
import { exitCodes } from "./exit-codes";
import { colors, formatBytes, formatCount, formatTable } from "./format";
import { requireReadable } from "./input-files";

/** `backup-posture evidence …`: what drills have proved, and whether it stands as it was written. */
export function registerEvidence(program: Command, surroundings: CommandSurroundings): void {
  const evidence = program.command("evidence").summary("look at the evidence of drills, verify it, keep it");
  registerList(evidence, surroundings);
  registerShow(evidence, surroundings);
  registerVerify(evidence, surroundings);
  registerEvidenceDeliver(evidence, surroundings);
  registerEvidenceReceive(evidence, surroundings);
  registerEvidencePrune(evidence, surroundings);
  evidence.addHelpText(
    "after",
    "\nExamples:\n  # whether all evidence stands as it was written\n  backup-posture evidence verify",
  );
}

function registerList(parent: Command, surroundings: CommandSurroundings): void {
  register(
    parent,
    {
      usage: "list [id]",
      summary: "list the records of a restore target's drills, or of all, oldest first",
      details: "Records stay when their restore target is gone.",
      examples: [
        ["evidence list", "all of the home"],
        ["evidence list files-restore", "those of one restore target"],
      ],
      input: z.object({ id: identifier.optional() }),
      act: async ({ home }, { id }) => {
        const records: EvidenceRecord[] = [];
        for (const each of await selectIds(home, id)) records.push(...(await readEvidence(home, each)).records);
        return { exitCode: exitCodes.fine, document: { records }, text: describeList(records) };
      },
    },
    surroundings,
  );
}

function registerShow(parent: Command, surroundings: CommandSurroundings): void {
  register(
    parent,
    {
      usage: "show <id>",
      summary: "show one record of evidence, with the paths of what differed",
      options: [["--record <number>", "which; default: the newest"]],
      examples: [
        ["evidence show files-restore", "what the last drill found"],
        ["evidence show files-restore --record 3", "what the third one did"],
      ],
      input: z.object({ id: identifier, record: z.coerce.number().int().min(1).optional() }),
      act: async ({ home }, { id, record: wanted }) => {
        await requireHome(home);
        const { records } = await readEvidence(home, id);
        const found = wanted === undefined ? records.at(-1) : records.find(({ sequence }) => sequence === wanted);
        if (found === undefined)
          throw new PostureError(
            "usage",
            `${id}: has no ${wanted === undefined ? "evidence" : `record ${wanted}`}; backup-posture evidence list shows what there is`,
          );
        return { exitCode: exitCodes.fine, document: found, text: describeWhole(found) };
      },
    },
    surroundings,
  );
}

function registerVerify(parent: Command, surroundings: CommandSurroundings): void {
  register(
    parent,
    {
      usage: "verify [id]",
      summary:
        "verify that evidence stands as it was written: each byte, the chain, signatures, and that its sink holds the same",
      details:
        "Without --allowed-signers any signature that fits counts, whoever made it. Exit code 3 when something is not as it was written. " +
        "Verifying needs ssh-keygen where records are signed.",
      options: [
        [
          "--allowed-signers <file>",
          "who may sign, as ssh-keygen(1) describes it under ALLOWED SIGNERS; the newest record must then be signed",
        ],
        ["--sink <folder>", "the folder of the sink; default: the declared one, where it is a folder"],
        [
          "--folder <folder>",
          "verify what a sink's folder holds by itself, without a home: for whoever keeps the sink",
        ],
      ],
      examples: [
        ["evidence verify", "all evidence of the home"],
        [
          "evidence verify files-restore --allowed-signers /etc/backup-posture/signers --json",
          "one target, for an audit",
        ],
        ["evidence verify --folder /var/lib/evidence", "on the host that keeps the sink"],
      ],
      input: z.object({
        id: identifier.optional(),
        allowedSigners: z.string().min(1).optional(),
        sink: z.string().min(1).optional(),
        folder: z.string().min(1).optional(),
      }),
      act: async ({ home, signal }, { id, allowedSigners, sink, folder }) => {
        const signers = allowedSigners === undefined ? null : await requireReadable(allowedSigners);
        const verdicts =
          folder === undefined
            ? await verifyHome(home, id, { signers, sink }, signal)
            : await verifySink(resolve(folder), id ?? null, signers, signal);
        const broken = verdicts.some(({ faults }) => faults.length > 0);
        return {
          exitCode: broken ? exitCodes.unhealthy : exitCodes.fine,
          document: { evidence: verdicts },
          text: verdicts.length === 0 ? "no evidence" : describeVerdicts(verdicts),
        };
      },
    },
    surroundings,
  );
}

async function verifyHome(
  home: Home,
  id: string | undefined,
  given: { readonly signers: string | null; readonly sink: string | undefined },
  signal: AbortSignal,
): Promise<readonly EvidenceVerdict[]> {
  const verdicts: EvidenceVerdict[] = [];
  for (const each of await selectIds(home, id)) {
    const sink = given.sink === undefined ? await findDeclaredSink(home, each) : resolve(given.sink);
    verdicts.push(await verifyEvidence(home, each, { allowedSigners: given.signers, sink }, signal));
  }
  return verdicts;
}

async function findDeclaredSink(home: Home, id: string): Promise<string | null> {
  const found = await findJob(home, id);
  if (found.state !== "present" || found.job.kind !== "drill") return null;
  const { evidenceSink } = found.job.declaration;
  return evidenceSink?.kind === "directory" ? evidenceSink.path : null;
}

/** One id, which need not have evidence yet, or all that have. */
async function selectIds(home: Home, id: string | undefined): Promise<readonly string[]> {
  await requireHome(home);
  return id === undefined ? listEvidence(home) : [id];
}

function describeList(records: readonly EvidenceRecord[]): string {
  if (records.length === 0) return "no evidence";
  const rows = records.map((record) => [
    record.id,
    String(record.sequence),
    record.endedAt,
    record.verdict,
    record.scope === "full" ? "full" : `sample of ${record.scope.sample}`,
    `${record.files}, ${formatBytes(record.bytes)}`,
    formatMilliseconds(record.restoreMilliseconds),
    record.signer === undefined ? "" : "signed",
  ]);
  const head = ["id", "record", "ended", "verdict", "scope", "files", "restore took", ""];
  return formatTable(head, rows, (text, column) =>
    column !== 3 ? text : text === "passed" ? colors.green(text) : colors.red(text),
  );
}

function describeWhole(record: EvidenceRecord): string {
  const { scope, signer } = record;
  return [
    `${record.id}, record ${record.sequence}: ${describeVerdict(record)}`,
    `drill ${record.run}, ${record.startedAt} to ${record.endedAt}, by ${record.account} on ${record.host}`,
    ...record.points.map(({ id, source, startedAt, digest }) => `${source}: ${id} of ${startedAt}, manifest ${digest}`),
    scope === "full" ? "everything" : `a sample of ${scope.sample} files, seed ${scope.seed}`,
    ...describeRecord(record),
    ...record.checks.map(({ name, passed, message }) => `check ${name}: ${passed ? "passed" : message}`),
    ...(record.message === "" ? [] : [record.message]),
    signer === undefined ? "not signed" : `signed by ${signer}`,
    `digest ${record.digest}, follows ${record.previous ?? "nothing"}`,
  ].join("\n");
}

function describeVerdicts(verdicts: readonly EvidenceVerdict[]): string {
  return verdicts.flatMap(describeOne).join("\n");
}

function describeOne({ id, records, from, to, signed, signers, inSink, attestedBy, faults }: EvidenceVerdict) {
  const told = [
    ...(records === 0 ? [] : [`${from ?? ""} to ${to ?? ""}`]),
    `${signed} signed${signers.length === 0 ? "" : ` by ${signers.join(", ")}`}`,
    ...(inSink === null ? [] : [`${inSink} in the sink`]),
    attestedBy.length === 0 ? "self-attested" : `attested by ${attestedBy.join(" and ")}`,
  ].join(", ");
  const subject = id === "" ? "" : `${id}: ${formatCount(records, "record")}, ${told}: `;
  if (faults.length === 0) return [`${subject}${colors.green("as written")}`];
  return [`${subject}${colors.red("broken")}`, ...faults.map((fault) => `  ${fault}`)];
}
