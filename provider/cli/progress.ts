import { SingleBar } from "cli-progress";
import { showPath } from "../platform/display";
import { formatBytes, formatCount } from "./format";

/** How far some step of a command has come. */
export interface ProgressReport {
  /** What is being done: `capture`, `restore`, … */
  readonly step: string;
  /** To what; may be empty. */
  readonly subject: string;
  readonly files: number;
  readonly bytes: number;
  readonly totalFiles?: number;
  readonly totalBytes?: number;
}

/** Shows progress on standard error: bars on a terminal, plain lines at intervals elsewhere, nothing beside JSON. */
export interface Progress {
  report(progress: ProgressReport): void;
  /** Prints a line for people beside the progress. */
  note(line: string): void;
  /** Takes the bar away. Idempotent. */
  end(): void;
}

const millisecondsBetweenLines = 5_000;

/** The progress that fits where standard error goes. */
export function openProgress(json: boolean): Progress {
  if (json) return silence;
  return process.stderr.isTTY ? new BarProgress() : new LineProgress();
}

const silence: Progress = { report: () => undefined, note: () => undefined, end: () => undefined };

class LineProgress implements Progress {
  #step = "";
  #printedAt = Number.NEGATIVE_INFINITY;

  report(progress: ProgressReport): void {
    const step = nameStep(progress);
    const begins = step !== this.#step;
    if (!begins && performance.now() - this.#printedAt < millisecondsBetweenLines) return;
    this.#step = step;
    this.#printedAt = performance.now();
    this.note([step, describeAmount(progress)].filter((part) => part !== "").join(": "));
  }

  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  end(): void {
    // Lines stand as they are.
  }
}

class BarProgress implements Progress {
  #step = "";
  #bar: SingleBar | null = null;

  report(progress: ProgressReport): void {
    const step = nameStep(progress);
    const total = progress.totalBytes ?? 0;
    const payload = { step, amount: describeAmount(progress) };
    if (step !== this.#step || this.#bar === null) this.#begin(step, total, payload);
    else this.#bar.setTotal(total);
    this.#bar?.update(total === 0 ? 0 : Math.min(progress.bytes, total), payload);
  }

  note(line: string): void {
    this.end();
    process.stderr.write(`${line}\n`);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = null;
    this.#step = "";
  }

  #begin(step: string, total: number, payload: Readonly<Record<string, string>>): void {
    this.end();
    this.#step = step;
    const format = total === 0 ? "{step} {amount}" : "{step} {bar} {percentage}% {amount}, {eta_formatted} left";
    this.#bar = new SingleBar({
      format,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 24,
      fps: 8,
      etaBuffer: 50,
    });
    this.#bar.start(total, 0, payload);
  }
}

function nameStep({ step, subject }: ProgressReport): string {
  return subject === "" ? step : `${step} ${showPath(subject)}`;
}

function describeAmount({ files, bytes, totalFiles = 0, totalBytes = 0 }: ProgressReport): string {
  if (files === 0 && bytes === 0 && totalFiles === 0) return "";
  // A capture's totals are those of the last one: a share may have grown beyond them.
  if (totalFiles < files || totalBytes < bytes) return `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
  return `${files}/${formatCount(totalFiles, "file")}, ${formatBytes(bytes)}/${formatBytes(totalBytes)}`;
}
