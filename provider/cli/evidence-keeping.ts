import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { PostureError } from "../platform/errors";
import type { EvidenceRecord } from "../restore/evidence";
import { deliverEvidence } from "../restore/evidence-delivery";
import { receiveEvidence } from "../restore/evidence-receiver";
import { deleteExpiredEvidence, findExpiredEvidence } from "../restore/evidence-retention";
import { requireHome } from "../runner/home";
import { requireJob } from "../runner/job";
import { lockJob } from "../runner/job-lock";
import { type CommandContext, type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { formatCount, formatTable } from "./format";

/** The most that one record with its signature takes: a hundred paths and what differs. */
const largestRecordBytes = 4 * 1024 * 1024;

/** `backup-posture evidence deliver <id>`: writes to the sink what it does not have yet. */
export function registerEvidenceDeliver(parent: Command, surroundings: CommandSurroundings): void {
  register(
    parent,
    {
      usage: "deliver <id>",
      summary: "write to the declared sink the evidence that it does not have yet",
      details: "Each drill does this by itself: this is for a sink that could not be reached meanwhile.",
      examples: [["evidence deliver files-restore", "as soon as the sink is back"]],
      input: z.object({ id: identifier }),
      act: async ({ home, signal }, { id }) => {
        await requireHome(home);
        const { evidenceSink } = (await requireJob(home, id, "drill")).declaration;
        if (evidenceSink === undefined)
          throw new PostureError("usage", `${id}: declares no sink; declare evidenceSink where its RestoreTarget is`);
        const lock = await lockJob(home, id, "evidence");
        try {
          const delivered = await deliverEvidence(home, id, evidenceSink, signal);
          return {
            exitCode: exitCodes.fine,
            document: { id, delivered },
            text: `${id}: wrote ${formatCount(delivered, "record")} to its sink`,
          };
        } finally {
          await lock.release();
        }
      },
    },
    surroundings,
  );
}

/** `backup-posture evidence receive`: the other end of a sink that is a command. */
export function registerEvidenceReceive(parent: Command, surroundings: CommandSurroundings): void {
  register(
    parent,
    {
      usage: "receive",
      summary: "take one record from standard input into a sink's folder, and never change one that is there",
      details:
        "Run it as an account of its own, by sudo or as the forced command of an SSH key: whoever runs drills can then add to the sink, " +
        "and do nothing else to it. A record that does not follow one that is there is refused.",
      options: [["--into <folder>", "the sink's folder"]],
      examples: [["evidence receive --into /var/lib/evidence < record", "what the sink's account runs"]],
      input: z.object({ into: z.string("is required").min(1, "is required") }),
      act: async ({ signal }, { into }) => {
        const { id, sequence } = await receiveEvidence(resolve(into), await readInput(signal));
        return { exitCode: exitCodes.fine, document: { id, sequence }, text: `${id}: record ${sequence} is kept` };
      },
    },
    surroundings,
  );
}

/** `backup-posture evidence prune <id>`: deletes records whose time is over. */
export function registerEvidencePrune(parent: Command, surroundings: CommandSurroundings): void {
  register(
    parent,
    {
      usage: "prune <id>",
      summary:
        "delete for good the records of evidence that were kept for as long as evidenceRetention said, after listing and asking",
      details:
        "Nothing else ever deletes evidence. Each record says itself until when it is kept, the newest always stays, and a sink is not touched.",
      options: [["--yes", "do not ask: for pipelines"]],
      examples: [["evidence prune files-restore", "list what is over, and ask"]],
      input: z.object({ id: identifier, yes: z.boolean().default(false) }),
      act: async (context, { id, yes }) => {
        await requireHome(context.home);
        const expired = await findExpiredEvidence(context.home, id);
        const last = expired.at(-1);
        const agreed = last === undefined || yes || (await ask(context, id, expired));
        if (last !== undefined && agreed) await deleteExpiredEvidence(context.home, id, last.sequence);
        const count = formatCount(expired.length, "record");
        return {
          exitCode: agreed ? exitCodes.fine : exitCodes.failed,
          document: { id, deleted: agreed ? expired.map(({ sequence }) => sequence) : [] },
          text: `${id}: ${agreed ? "deleted" : "kept"} ${count}`,
        };
      },
    },
    surroundings,
  );
}

/** Asks on the terminal; whoever has none must have said --yes. */
async function ask({ json, signal }: CommandContext, id: string, expired: readonly EvidenceRecord[]): Promise<boolean> {
  const count = formatCount(expired.length, "record");
  if (json || !process.stdin.isTTY)
    throw new PostureError("usage", `${id}: ${count} would be deleted for good; where nobody can be asked, add --yes`);
  const rows = expired.map((record) => [
    String(record.sequence),
    record.endedAt,
    record.verdict,
    record.keepUntil ?? "",
  ]);
  const listing = formatTable(["record", "ended", "verdict", "kept until"], rows);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `${listing}\n\nDelete ${count} of ${id} for good? Type the id to agree: `;
    return (await terminal.question(question, { signal })).trim() === id;
  } finally {
    terminal.close();
  }
}

async function readInput(signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const input: AsyncIterable<Buffer> = process.stdin;
  for await (const chunk of input) {
    signal.throwIfAborted();
    bytes += chunk.length;
    if (bytes > largestRecordBytes) throw new PostureError("usage", "standard input is longer than any record");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
