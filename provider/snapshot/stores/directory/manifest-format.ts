import type { BytePath } from "./byte-path";
import { DamageError } from "./damage";

/**
 * A manifest is: an opening (magic, length and JSON of the point's identity), one block for each directory, a table of the blocks, a
 * table of the packs, and a closing that says where the tables are. All numbers are little-endian. `docs/store-format.md`
 * describes it for readers without this code.
 */
export const manifestMagic = Buffer.from("BPMANIF1", "latin1");
/** Block table record: offset u64, length u32, the directory's inode in 32 bits, SHA-256 of the block. Record 0 is the tree's root. */
export const blockRecordSize = 48;
/** Pack table record: label u32, reserved u32, size of the pack u64, bytes of it that this point uses u64, id (32 bytes). */
export const packRecordSize = 56;
/** Closing: offset u64 and count u64 of the block table, offset u64 and count u64 of the pack table, magic. */
export const closingSize = 40;

/** The label of files without content: they are in no pack. */
export const noPack = 0xffff_ffff;

export const entryKinds = { file: 1, directory: 2, link: 3 } as const;

export const fileFlags = {
  /** More than one name: all names with this inode are one file. */
  hardLinked: 1,
  /** It has holes. */
  sparse: 2,
  /** It was changed so shortly before it was read that its times cannot tell whether it was changed again: read it anew. */
  readAgain: 4,
  /** It is on another device than its directory. */
  foreign: 8,
} as const;

/** An instant as file systems keep it. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What every kind of entry has beside its name. */
export interface Attributes {
  /** Permission bits. */
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  readonly modified: FileTime;
}

/** Where content is: SHA-256, size, the pack's label in this manifest, offset in the pack. */
export interface ContentReference {
  readonly digest: Buffer;
  readonly size: number;
  readonly pack: number;
  readonly offset: number;
}

export const blockHeaderSize = 2 + 4 + 4 + 8 + 4 + 8 + 4 + 8 + 4;
const commonSize = 1 + 1 + 2;
const attributesSize = 2 + 4 + 4 + 8 + 4;
const fileSize = attributesSize + 8 + 8 + 4 + 8 + 32 + 4 + 8;
const filePackOffset = commonSize + fileSize - 12;

/** Writes blocks, one after the other, into a buffer of its own. */
export class BlockWriter {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #length = 0;
  #entries = 0;

  /** Begins a block. `changed` and `device` are the directory's. */
  begin(attributes: Attributes, changed: FileTime, device: number): void {
    this.#length = 0;
    this.#entries = 0;
    this.#attributes(attributes);
    this.#time(changed);
    this.#u64(device);
    this.#u32(0);
  }

  file(
    name: BytePath,
    flags: number,
    attributes: Attributes,
    content: ContentReference,
    identity: { readonly changed: FileTime; readonly inode: bigint },
  ): void {
    this.#common(entryKinds.file, flags, name);
    this.#attributes(attributes);
    this.#u64(content.size);
    this.#time(identity.changed);
    this.#bigint(identity.inode);
    this.#bytes(content.digest);
    this.#u32(content.pack);
    this.#u64(content.offset);
    this.#name(name);
  }

  directory(name: BytePath, id: number): void {
    this.#common(entryKinds.directory, 0, name);
    this.#u32(id);
    this.#name(name);
  }

  link(name: BytePath, attributes: Attributes, target: BytePath): void {
    this.#common(entryKinds.link, 0, name);
    this.#attributes(attributes);
    this.#u16(target.length);
    this.#name(name);
    this.#name(target);
  }

  /** Copies a file's entry as it is, but for where its content is. */
  copyFile(cursor: BlockCursor, pack: number, offset: number): void {
    const start = this.#length;
    const length = cursor.end - cursor.start;
    this.#ensure(length);
    this.#length += cursor.block.copy(this.#buffer, start, cursor.start, cursor.end);
    this.#entries += 1;
    this.#place(start, pack, offset);
  }

  /** Writes a whole block as it is. `placeFile` and `numberDirectory` change what may be different. */
  copyBlock(cursor: BlockCursor): void {
    this.#length = 0;
    this.#ensure(cursor.block.length);
    this.#length = cursor.block.copy(this.#buffer);
    this.#entries = cursor.count;
  }

  /** In a copied block: where the content is of the file that the cursor stands on. */
  placeFile(cursor: BlockCursor, pack: number, offset: number): void {
    this.#place(cursor.start, pack, offset);
  }

  /** In a copied block: the number of a directory. @param start that of the cursor when it stood on it. */
  numberDirectory(start: number, id: number): void {
    this.#buffer.writeUInt32LE(id, start + commonSize);
  }

  /** The finished block. It is overwritten by the next `begin`. */
  finish(): Buffer {
    this.#buffer.writeUInt32LE(this.#entries, blockHeaderSize - 4);
    return this.#buffer.subarray(0, this.#length);
  }

  #place(start: number, pack: number, offset: number): void {
    const end = this.#length;
    this.#length = start + filePackOffset;
    this.#u32(pack);
    this.#u64(offset);
    this.#length = end;
  }

  #common(kind: number, flags: number, name: BytePath): void {
    this.#ensure(commonSize + fileSize + name.length);
    this.#buffer[this.#length++] = kind;
    this.#buffer[this.#length++] = flags;
    this.#u16(name.length);
    this.#entries += 1;
  }

  #attributes(attributes: Attributes): void {
    this.#u16(attributes.mode);
    this.#u32(attributes.user);
    this.#u32(attributes.group);
    this.#time(attributes.modified);
  }

  #time(time: FileTime): void {
    this.#ensure(12);
    const high = Math.floor(time.seconds / 0x1_0000_0000);
    this.#buffer.writeUInt32LE(time.seconds - high * 0x1_0000_0000, this.#length);
    this.#buffer.writeInt32LE(high, this.#length + 4);
    this.#buffer.writeUInt32LE(time.nanoseconds, this.#length + 8);
    this.#length += 12;
  }

  #u16(value: number): void {
    this.#length = this.#buffer.writeUInt16LE(value, this.#length);
  }

  #u32(value: number): void {
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  #u64(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.#u32(value - high * 0x1_0000_0000);
    this.#u32(high);
  }

  #bigint(value: bigint): void {
    this.#length = this.#buffer.writeBigUInt64LE(value, this.#length);
  }

  #bytes(bytes: Buffer): void {
    this.#ensure(bytes.length);
    this.#length += bytes.copy(this.#buffer, this.#length);
  }

  #name(name: BytePath): void {
    this.#ensure(name.length);
    this.#length += this.#buffer.write(name, this.#length, "latin1");
  }

  #ensure(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads one block, entry by entry, without making objects: its getters speak of the current entry. */
export class BlockCursor {
  kind = 0;
  flags = 0;
  name: BytePath = "";
  start = 0;
  end = blockHeaderSize;
  #body = 0;
  #nameStart = 0;
  #nameLength = 0;
  #left: number;

  /** @throws DamageError for anything that cannot be a block. */
  constructor(readonly block: Buffer) {
    if (block.length < blockHeaderSize) throw new DamageError("a directory's block is cut short");
    this.#left = block.readUInt32LE(blockHeaderSize - 4);
  }

  /** The directory's own attributes. */
  get own(): Attributes {
    return this.#attributesAt(0);
  }

  get device(): number {
    return this.#u64At(attributesSize + 12);
  }

  /** When the directory's entries were changed, as `mtimeMs`. */
  get ownModifiedMilliseconds(): number {
    return this.#millisecondsAt(attributesSize - 12);
  }

  /** When the directory itself was changed, as `ctimeMs`. */
  get ownChangedMilliseconds(): number {
    return this.#millisecondsAt(attributesSize);
  }

  /** How many entries the directory has. */
  get count(): number {
    return this.block.readUInt32LE(blockHeaderSize - 4);
  }

  /** Moves to the next entry; false after the last. Names come in strictly ascending order of their bytes. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    const { block } = this;
    const start = this.end;
    this.#require(start + commonSize);
    const kind = block.readUInt8(start);
    const nameLength = block.readUInt16LE(start + 2);
    const body = start + commonSize;
    const fixed = fixedSizeOf(kind);
    this.#require(body + fixed);
    const targetLength = kind === entryKinds.link ? block.readUInt16LE(body + attributesSize) : 0;
    this.start = start;
    this.end = body + fixed + nameLength + targetLength;
    this.#require(this.end);
    this.kind = kind;
    this.flags = block.readUInt8(start + 1);
    this.#body = body;
    this.#nameStart = body + fixed;
    this.#nameLength = nameLength;
    const name = block.toString("latin1", this.#nameStart, this.#nameStart + nameLength);
    if (name <= this.name && this.name !== "") throw new DamageError("a directory's block is out of order");
    this.name = name;
    return true;
  }

  /** Goes back before the first entry. */
  rewind(): void {
    this.end = blockHeaderSize;
    this.name = "";
    this.#left = this.block.readUInt32LE(blockHeaderSize - 4);
  }

  get attributes(): Attributes {
    return this.#attributesAt(this.#body);
  }

  /** Files: size in bytes. */
  get size(): number {
    return this.#u64At(this.#body + attributesSize);
  }

  /** Files. */
  get changed(): FileTime {
    return this.#timeAt(this.#body + attributesSize + 8);
  }

  /** Files: the inode as a double, as `lstat` without bigint gives it. */
  get inodeNumber(): number {
    return this.#u64At(this.#body + attributesSize + 20);
  }

  /** Files: the inode, exactly. */
  get inode(): bigint {
    return this.block.readBigUInt64LE(this.#body + attributesSize + 20);
  }

  /** Files: a view of the block, not a copy. */
  get digest(): Buffer {
    const start = this.#body + attributesSize + 28;
    return this.block.subarray(start, start + 32);
  }

  /** Files: the label of the pack. */
  get pack(): number {
    return this.block.readUInt32LE(this.#body + fileSize - 12);
  }

  /** Files: offset in the pack. */
  get offset(): number {
    return this.#u64At(this.#body + fileSize - 8);
  }

  /** Directories: its record in the block table. */
  get directory(): number {
    return this.block.readUInt32LE(this.#body);
  }

  /** Links. */
  get target(): BytePath {
    return this.block.toString("latin1", this.#nameStart + this.#nameLength, this.end);
  }

  /** Files and links: modification time in milliseconds, computed exactly as Node computes `mtimeMs`. */
  get modifiedMilliseconds(): number {
    return this.#millisecondsAt(this.#body + 10);
  }

  /** Files: as `ctimeMs`. */
  get changedMilliseconds(): number {
    return this.#millisecondsAt(this.#body + attributesSize + 8);
  }

  #attributesAt(at: number): Attributes {
    return {
      mode: this.block.readUInt16LE(at),
      user: this.block.readUInt32LE(at + 2),
      group: this.block.readUInt32LE(at + 6),
      modified: this.#timeAt(at + 10),
    };
  }

  #timeAt(at: number): FileTime {
    return { seconds: this.#secondsAt(at), nanoseconds: this.block.readUInt32LE(at + 8) };
  }

  #secondsAt(at: number): number {
    return this.block.readInt32LE(at + 4) * 0x1_0000_0000 + this.block.readUInt32LE(at);
  }

  #millisecondsAt(at: number): number {
    return this.#secondsAt(at) * 1_000 + this.block.readUInt32LE(at + 8) / 1_000_000;
  }

  #u64At(at: number): number {
    return this.block.readUInt32LE(at + 4) * 0x1_0000_0000 + this.block.readUInt32LE(at);
  }

  #require(end: number): void {
    if (end > this.block.length) throw new DamageError("a directory's block is cut short");
  }
}

function fixedSizeOf(kind: number): number {
  if (kind === entryKinds.file) return fileSize;
  if (kind === entryKinds.directory) return 4;
  if (kind === entryKinds.link) return attributesSize + 2;
  throw new DamageError("a directory's block holds an entry of no known kind");
}
