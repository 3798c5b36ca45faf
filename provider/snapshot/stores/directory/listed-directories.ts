import { type BigIntStats, statfsSync } from "node:fs";
import { toFileSystemPath } from "./byte-path";
import type { DirectoryHandle } from "./directory-handle";

/** Names that came or went within this time of a directory being listed may have done so after it, without its times showing it. */
const timeGranularityMilliseconds = 2_000;

/**
 * File systems of Linux that give a directory new times whenever a name in it comes, goes or changes, as POSIX has it: ext2 to ext4,
 * XFS, Btrfs, F2FS, tmpfs. Of those over a network, of unions and of what runs in user space, nothing is taken for granted.
 */
const reliableFileSystems = new Set([0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994]);

/** Tells of which directories the times say whether they have to be listed again. */
export class ListedDirectories {
  readonly #reliable = new Map<bigint, boolean>();

  /** @param listedAt when listing it began, in milliseconds. */
  canBeKept(handle: DirectoryHandle, listedAt: number): boolean {
    const { stats } = handle;
    return process.platform === "linux" && isSettled(stats, listedAt) && this.#isReliable(stats.dev, handle);
  }

  #isReliable(device: bigint, handle: DirectoryHandle): boolean {
    const known = this.#reliable.get(device);
    if (known !== undefined) return known;
    const reliable = reliableFileSystems.has(statfsSync(toFileSystemPath(handle.prefix)).type);
    this.#reliable.set(device, reliable);
    return reliable;
  }
}

function isSettled(stats: BigIntStats, listedAt: number): boolean {
  const latest = stats.ctimeNs > stats.mtimeNs ? stats.ctimeNs : stats.mtimeNs;
  return Number(latest / 1_000_000n) < listedAt - timeGranularityMilliseconds;
}

/** An inode in 32 bits, and never 0. */
export function toShortInode(inode: number): number {
  const high = Math.floor(inode / 0x1_0000_0000);
  return (high ^ (inode - high * 0x1_0000_0000)) >>> 0 || 1;
}
