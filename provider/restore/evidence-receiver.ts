import { PostureError } from "../platform/errors";
import { type EvidenceRecord, unpackSealed } from "./evidence-record";
import { addToSinkFolder, readSinkFolder } from "./evidence-sink";

/**
 * Takes one record into a sink's folder: whole, and following one that is there, unless it begins a chain. What is there is never
 * changed; a record that is there already is fine.
 *
 * @param packed as a sink's command gets it.
 * @throws PostureError `usage` for what is no record, `conflict` for one that follows nothing or takes another's place, `permanent`
 * or `unreachable` for the folder.
 */
export async function receiveEvidence(folder: string, packed: Buffer): Promise<EvidenceRecord> {
  const sealed = unpackSealed(packed);
  if (sealed === null) throw new PostureError("usage", "standard input is no whole record of evidence");
  const { record } = sealed;
  const { records } = await readSinkFolder(folder, record.id);
  const others = records.map((each) => each.record).filter(({ digest }) => digest !== record.digest);
  const what = `${record.id}: record ${record.sequence}`;
  if (record.previous === null) {
    await addToSinkFolder(folder, sealed);
    return record;
  }
  if (!others.some(({ digest }) => digest === record.previous))
    throw new PostureError("conflict", `${what} is refused: the record that it follows is not in ${folder}`);
  if (others.some(({ previous }) => previous === record.previous))
    throw new PostureError("conflict", `${what} is refused: another one that follows the same record is in ${folder}`);
  await addToSinkFolder(folder, sealed);
  return record;
}
