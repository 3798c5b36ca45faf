/** The numbers that Linux gives the kinds of entries of an access control list. */
const owner = { user: 0x01, group: 0x04 } as const;
const named = { user: 0x02, group: 0x08 } as const;
const others: ReadonlyMap<string, number> = new Map([
  ["mask", 0x10],
  ["other", 0x20],
]);
const version = 2;
const noId = 0xffffffff;
const entryBytes = 8;

/**
 * A POSIX access control list, from text such as `user::rw-`, `user:1000:r--`, one entry a line or after a comma, into the bytes that Linux keeps as
 * an extended attribute.
 */
export function toAttributeBytes(text: string): Buffer {
  const entries = text.split(/[\n,]/).filter((line) => line.trim() !== "");
  const bytes = Buffer.alloc(4 + entries.length * entryBytes);
  bytes.writeUInt32LE(version, 0);
  for (const [index, entry] of entries.entries()) {
    const [kind = "", id = "", permissions = ""] = entry.trim().split(":");
    const at = 4 + index * entryBytes;
    bytes.writeUInt16LE(toTag(kind, id), at);
    bytes.writeUInt16LE(toBits(permissions), at + 2);
    bytes.writeUInt32LE(id === "" ? noId : Number(id), at + 4);
  }
  return bytes;
}

function toTag(kind: string, id: string): number {
  if (kind === "user" || kind === "group") return (id === "" ? owner : named)[kind];
  const tag = others.get(kind);
  if (tag === undefined) throw new RangeError("an access control list has an entry of an unknown kind");
  return tag;
}

function toBits(permissions: string): number {
  return (
    (permissions.includes("r") ? 4 : 0) + (permissions.includes("w") ? 2 : 0) + (permissions.includes("x") ? 1 : 0)
  );
}
