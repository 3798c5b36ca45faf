import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "../platform/atomic-file";
import { isAbsent } from "../platform/errors";
import type { Home } from "../runner/home";
import { folderOf, readSealedEvidence } from "./evidence";
import { hashOf, parseExactly, type SealedRecord, serialise } from "./evidence-record";
import { sendToSink } from "./evidence-sink";
import type { EvidenceSink } from "./schema";

/** What was written to which sink, since a sink need not let us read. */
const deliveredSchema = z.strictObject({
  format: z.literal(1),
  /** SHA-256 of the sink's declaration: another sink has nothing yet. */
  sink: z.string(),
  /** The newest record that is there. */
  sequence: z.int().min(1),
  digest: z.string(),
});

const deliveredName = "delivered";

/**
 * Writes to a sink all evidence that it does not have yet, oldest first. Only the holder of the id's lock may call this.
 *
 * @returns how many records were written.
 * @throws PostureError where one cannot be written; those before it are.
 */
export async function deliverEvidence(
  home: Home,
  id: string,
  sink: EvidenceSink,
  signal: AbortSignal,
): Promise<number> {
  const { sealed } = await readSealedEvidence(home, id);
  const waiting = await selectUndelivered(home, id, sink, sealed);
  for (const each of waiting) {
    await sendToSink(sink, each, signal);
    const { sequence, digest } = each.record;
    const delivered = { format: 1, sink: nameOfSink(sink), sequence, digest };
    await writeFileAtomically(join(folderOf(home, id), deliveredName), serialise(delivered));
  }
  return waiting.length;
}

/** The records that a sink does not have yet, as far as we have written them. */
export async function selectUndelivered(
  home: Home,
  id: string,
  sink: EvidenceSink,
  sealed: readonly SealedRecord[],
): Promise<readonly SealedRecord[]> {
  const delivered = await readDelivered(home, id);
  if (delivered === null || delivered.sink !== nameOfSink(sink)) return sealed;
  const last = sealed.findIndex(({ record }) => record.digest === delivered.digest);
  return sealed.slice(last + 1);
}

async function readDelivered(home: Home, id: string): Promise<z.infer<typeof deliveredSchema> | null> {
  try {
    return parseExactly(await readFile(join(folderOf(home, id), deliveredName)), deliveredSchema);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Without the time limit, which does not make it another one. */
function nameOfSink(sink: EvidenceSink): string {
  return hashOf(JSON.stringify(sink.kind === "directory" ? [sink.kind, sink.path] : [sink.kind, ...sink.command]));
}
