import { z } from "zod";
import { PostureError } from "../platform/errors";
import { withinTime } from "../platform/time-limit";
import type { Home } from "../runner/home";
import { type Evidence, readSealedEvidence, readSetAside, type SealedEvidence } from "./evidence";
import { selectUndelivered } from "./evidence-delivery";
import { countStrangersInSink } from "./evidence-sink";
import type { EvidenceSink } from "./schema";

/** How far a chain of evidence goes. Kept in the state of a stack, where whoever may write to the home need not reach, it shows what was taken away since. */
export const evidenceSummarySchema = z.object({
  /** The number of the newest record. */
  records: z.int().min(1),
  /** Its digest. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** When a person began this chain in place of a broken one; absent for the first. */
  restartedAt: z.string().optional(),
});

/** See {@link evidenceSummarySchema}. */
export type EvidenceSummary = z.infer<typeof evidenceSummarySchema>;

/** Evidence as the health of its target judges it. */
export interface ObservedEvidence extends Evidence {
  /** Why it is not all in its sink, in words that stay the same while that is so; null where it is, or no sink is declared. */
  readonly undelivered: string | null;
  /** Null where there is none. */
  readonly summary: EvidenceSummary | null;
}

/** How long a sink may take to answer; a dead network mount would otherwise hang for ever. */
const answerWithinMilliseconds = 30_000;

/**
 * Reads the evidence of a target, and holds it against what others know of it: the sink, as far as this account may list it, and a
 * witness. Signatures are left to `verifyEvidence`.
 *
 * @throws PostureError `unreachable` where the evidence is there and cannot be read.
 */
export async function observeEvidence(
  home: Home,
  id: string,
  sink: EvidenceSink | undefined,
  witness: EvidenceSummary | null,
): Promise<ObservedEvidence> {
  const evidence = await readSealedEvidence(home, id);
  const forgotten = await findForgotten(home, id, evidence, witness);
  const why =
    evidence.chain.state === "broken"
      ? evidence.chain.why
      : (forgotten ?? (await findMoreInSink(home, id, sink, evidence)));
  return {
    records: evidence.records,
    chain: why === null ? { state: "ok" } : { state: "broken", why },
    undelivered: sink === undefined ? null : await findUndelivered(home, id, sink, evidence),
    // What the witness knew stays known until it is here again, or a person begins anew.
    summary: forgotten === null ? summarise(evidence) : witness,
  };
}

function summarise({ records, restartedAt }: SealedEvidence): EvidenceSummary | null {
  const newest = records.at(-1);
  if (newest === undefined) return null;
  return { records: newest.sequence, digest: newest.digest, ...(restartedAt === null ? {} : { restartedAt }) };
}

/** What the witness knows must be here still, in the chain or set aside with a broken one, unless its time was over or a person began anew. */
async function findForgotten(
  home: Home,
  id: string,
  { records, prunedUpTo, restartedAt }: SealedEvidence,
  witness: EvidenceSummary | null,
): Promise<string | null> {
  if (witness === null || records.some(({ digest }) => digest === witness.digest)) return null;
  const isBegunAnew = restartedAt !== null && restartedAt !== witness.restartedAt;
  if (isBegunAnew || witness.records <= prunedUpTo) return null;
  const aside = await readSetAside(home, id);
  if (aside.some(({ record }) => record.digest === witness.digest)) return null;
  return `record ${witness.records}, which the state of the stack tells of, is not here`;
}

async function findMoreInSink(
  home: Home,
  id: string,
  sink: EvidenceSink | undefined,
  { records, prunedUpTo }: SealedEvidence,
): Promise<string | null> {
  if (sink?.kind !== "directory") return null;
  const aside = await readSetAside(home, id);
  const known = [...records, ...aside.map(({ record }) => record)];
  const more = await lookInSink(sink.path, () => countStrangersInSink(sink.path, id, known, prunedUpTo));
  if (more === null || more === 0) return null;
  return `its sink holds ${more} ${more === 1 ? "record that is" : "records that are"} not here`;
}

async function findUndelivered(
  home: Home,
  id: string,
  sink: EvidenceSink,
  { sealed }: SealedEvidence,
): Promise<string | null> {
  const missing = await selectUndelivered(home, id, sink, sealed);
  const [first] = missing;
  if (first === undefined) return null;
  return `${missing.length} ${missing.length === 1 ? "record" : "records"} since ${first.record.endedAt}`;
}

/** Null where the sink cannot be listed: it need not let this account read, and what is not delivered shows in another way. */
async function lookInSink<Found>(path: string, look: () => Promise<Found>): Promise<Found | null> {
  const silent = () => new PostureError("unreachable", `the sink ${path} gave no answer`);
  try {
    return await withinTime(look(), answerWithinMilliseconds, silent);
  } catch (error) {
    if (error instanceof PostureError && error.kind === "unreachable") return null;
    throw error;
  }
}
