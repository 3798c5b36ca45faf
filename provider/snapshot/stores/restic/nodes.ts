import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import { showPath } from "../../../platform/display";
import { PostureError } from "../../../platform/errors";
import type { CaptureWarning } from "../store";
import type { Restic } from "./restic";

const snapshotLine = z.object({ struct_type: z.literal("snapshot"), id: z.string(), tree: z.string() });

const nodeLine = z.object({
  struct_type: z.literal("node"),
  type: z.string(),
  /** As text: bytes that are not UTF-8 are lost. */
  path: z.string(),
  size: z.number().optional(),
  /** Go's: permission bits, and others for kinds and special bits. */
  mode: z.number(),
  uid: z.number().default(0),
  gid: z.number().default(0),
  mtime: z.string(),
});

/** One entry of a snapshot. */
export type Node = z.infer<typeof nodeLine>;

/** What a snapshot holds, below its root. */
export interface NodeSummary {
  readonly id: string;
  readonly tree: string;
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
  /** Devices, pipes, sockets: restic keeps them, a recovery point does not. */
  readonly special: number;
  readonly specialWarnings: readonly CaptureWarning[];
}

/** Counts what a snapshot really holds, which also shows that its whole structure can be read. */
export async function summariseNodes(restic: Restic, snapshot: string, signal: AbortSignal): Promise<NodeSummary> {
  let head: z.infer<typeof snapshotLine> | undefined;
  const counted = { files: 0, directories: 0, links: 0, bytes: 0, special: 0 };
  const specialWarnings: CaptureWarning[] = [];
  await listNodes(
    restic,
    snapshot,
    async (output) => {
      for await (const line of readLines(output)) {
        if (head === undefined) head = snapshotLine.parse(line);
        else {
          const node = nodeLine.parse(line);
          count(counted, node);
          if (isSpecial(node) && specialWarnings.length < 100)
            specialWarnings.push({ path: showPath(node.path.slice(1)), why: `${node.type} is not kept` });
        }
      }
    },
    signal,
  );
  if (head === undefined)
    throw new PostureError("transient", `${restic.subject}: restic does not list the snapshot that it has just made`);
  return { id: head.id, tree: head.tree, ...counted, specialWarnings };
}

/** Reads the nodes of a snapshot in the order of its trees. */
export async function* readNodes(output: Readable): AsyncGenerator<Node> {
  for await (const line of readLines(output)) {
    const parsed = nodeLine.safeParse(line);
    if (parsed.success) yield parsed.data;
  }
}

export async function listNodes(
  restic: Restic,
  snapshot: string,
  onOutput: (output: Readable) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await restic.run(
    {
      what: `listing ${snapshot.slice(0, 8)}`,
      arguments: ["ls", "--json", snapshot],
      lock: "none",
      cache: true,
      onOutput,
    },
    signal,
  );
}

export function isSpecial({ type }: Node): boolean {
  return type !== "file" && type !== "dir" && type !== "symlink";
}

/** Go's file mode as the system's permission bits. */
export function toPermissions(mode: number): number {
  const has = (bit: number) => Math.floor(mode / 2 ** bit) % 2 === 1;
  return (mode % 0o1000) + (has(23) ? 0o4000 : 0) + (has(22) ? 0o2000 : 0) + (has(20) ? 0o1000 : 0);
}

/** `2026-11-25T22:32:53.467333271Z` in nanoseconds since 1970. */
export function toNanoseconds(time: string): bigint {
  const [, seconds = "", fraction = "", zone = "Z"] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9));
}

function count(
  counted: { files: number; directories: number; links: number; bytes: number; special: number },
  node: Node,
) {
  if (node.type === "file") {
    counted.files += 1;
    counted.bytes += node.size ?? 0;
  } else if (node.type === "dir") counted.directories += 1;
  else if (node.type === "symlink") counted.links += 1;
  else counted.special += 1;
}

async function* readLines(output: Readable): AsyncGenerator {
  for await (const line of createInterface({ input: output })) if (line.startsWith("{")) yield JSON.parse(line);
}
