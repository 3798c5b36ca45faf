import { z } from "zod";
import { PostureError } from "../platform/errors";
import { parseJson } from "../platform/json";
import { Restic } from "../snapshot/stores/restic/restic";
import type { Watch } from "./schema";
import { nothingSeen, type Seen } from "./seen";

const listSchema = z.array(z.object({ time: z.string() }));

/**
 * Reads a repository's list of snapshots, without a lock.
 *
 * @throws PostureError `unreachable`.
 */
export async function lookAtRepository(
  { host, tag, path, ...declaration }: Extract<Watch, { kind: "restic" }>,
  signal: AbortSignal,
): Promise<Seen> {
  const restic = new Restic(declaration, { shared: 0, exclusive: 0 });
  const filters = Object.entries({ host, tag, path }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
  const { stdout } = await restic.run(
    { what: "listing its snapshots", arguments: ["snapshots", "--json", ...filters], lock: "none" },
    signal,
  );
  const times = readTimes(restic.subject, stdout);
  return { ...nothingSeen, lastSuccess: times.length === 0 ? null : new Date(Math.max(...times)) };
}

/** Milliseconds since 1970. restic writes null where there is none. */
function readTimes(subject: string, stdout: string): readonly number[] {
  const parsed = listSchema.nullable().safeParse(parseJson(stdout));
  if (!parsed.success)
    throw new PostureError("unreachable", `${subject}: restic told its snapshots in an unknown form`);
  return (parsed.data ?? []).map(({ time }) => new Date(time).getTime()).filter((time) => !Number.isNaN(time));
}
