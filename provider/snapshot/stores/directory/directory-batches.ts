import type { BlockCursor } from "./manifest-format";
import { entryKinds } from "./manifest-format";
import type { PointDirectory } from "./point-content";

const filesPerBatch = 512;
const bytesPerBatch = 16 * 1024 * 1024;

/** Gathers directories until they are worth a message to another thread. */
export class DirectoryBatches {
  #batch: PointDirectory[] = [];
  #files = 0;
  #bytes = 0;

  /** Takes one more, whose entries are read to their end. @returns a full batch, or null. */
  add(directory: PointDirectory, entries: BlockCursor): readonly PointDirectory[] | null {
    this.#batch.push({ id: directory.id, path: directory.path });
    this.#files += 1;
    while (entries.next()) {
      this.#files += 1;
      if (entries.kind === entryKinds.file) this.#bytes += entries.size;
    }
    return this.#files < filesPerBatch && this.#bytes < bytesPerBatch ? null : this.rest();
  }

  /** What was gathered so far. */
  rest(): readonly PointDirectory[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#files = 0;
    this.#bytes = 0;
    return batch;
  }
}

/** Whether so much is handled sooner here than threads are started. */
export function isSmallPoint(point: { readonly files: number; readonly bytes: number }): boolean {
  return point.files <= 1_000 && point.bytes <= 16 * 1024 * 1024;
}
