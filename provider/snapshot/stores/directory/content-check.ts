import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BatchHandler } from "./batch-worker";
import { joinPath, toDisplay } from "./byte-path";
import { ContentReader } from "./content-reader";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { type BlockCursor, entryKinds } from "./manifest-format";
import { packFileName } from "./pack-format";
import { type PointDirectory, toWantedContent } from "./point-content";

export interface ContentCheckSetup {
  readonly layout: StoreLayout;
  readonly manifest: string;
}

/** What was found in one batch of directories. */
export interface ContentCheckResult {
  readonly files: number;
  readonly bytes: number;
  readonly damagedFiles: number;
  readonly damaged: readonly { readonly path: string; readonly why: string }[];
  /** What to put into quarantine. */
  readonly quarantine: readonly string[];
}

export const mostDamaged = 1_000;

/** Reads every content of directories, and compares it with its digest. */
export class ContentCheck implements BatchHandler<readonly PointDirectory[], ContentCheckResult> {
  readonly #manifest: Manifest;
  readonly #reader: ContentReader;

  constructor(readonly setup: ContentCheckSetup) {
    this.#manifest = openManifest(setup.manifest);
    this.#reader = new ContentReader(setup.layout);
  }

  handle(batch: readonly PointDirectory[]): ContentCheckResult {
    const result = { files: 0, bytes: 0, damagedFiles: 0, damaged: new Array<{ path: string; why: string }>() };
    for (const { id, path } of batch) {
      const entries = this.#manifest.block(id);
      while (entries.next()) {
        if (entries.kind !== entryKinds.file) continue;
        const why = this.#check(entries);
        if (why === null) {
          result.files += 1;
          result.bytes += entries.size;
          continue;
        }
        result.damagedFiles += 1;
        if (result.damaged.length < mostDamaged)
          result.damaged.push({ path: toDisplay(joinPath(path, entries.name)), why });
      }
    }
    return { ...result, quarantine: this.#takeQuarantine() };
  }

  close(): void {
    this.#reader.close();
    this.#manifest.close();
  }

  #check(entry: BlockCursor): string | null {
    try {
      this.#reader.read(toWantedContent(this.#manifest, entry), nowhere);
      return null;
    } catch (error) {
      if (error instanceof DamageError) return error.message;
      throw error;
    }
  }

  /** What is in packs that are gone is not there to be used again anyway. */
  #takeQuarantine(): readonly string[] {
    const found = [...this.#reader.damaged].filter((key) =>
      existsSync(join(this.setup.layout.packs, packFileName(key.slice(0, 64)))),
    );
    this.#reader.damaged.clear();
    return found;
  }
}

const nowhere = { begin: () => undefined, write: () => undefined };
