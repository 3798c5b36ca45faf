import { hostname, userInfo } from "node:os";
import { formatInstant, now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { readRelease } from "../platform/release";
import type { Home } from "../runner/home";
import type { DrillJob } from "../runner/job";
import { defaultEvidenceRetention } from "./defaults";
import type { EvidenceFindings } from "./evidence-record";

/** What a drill is doing: for progress bars and lines, never for the journal. */
export interface DrillProgress {
  readonly step: "restore" | "compare" | "check" | "clean-up";
  /** The name of the source; empty where the step has none. */
  readonly subject: string;
  readonly files: number;
  readonly bytes: number;
  readonly totalFiles?: number;
  readonly totalBytes?: number;
}

export interface DrillOptions {
  /** Ends the drill early: it is then journalled as failed, without evidence. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: DrillProgress) => void;
  /** Receives the original error of a drill that failed. It may name files: for a terminal, never for the journal. */
  readonly onFault?: (error: unknown) => void;
  /** Sets broken evidence aside first and begins a new chain. Default: false. */
  readonly restartEvidence?: boolean;
}

/** One drill while it goes on. */
export interface Drill {
  readonly home: Home;
  readonly job: DrillJob;
  readonly run: string;
  readonly startedAt: string;
  readonly options: DrillOptions;
}

/** What is recorded of a drill before it has found anything. */
export function describeNothing({ job, run, startedAt }: Drill, message: string): EvidenceFindings {
  const sample = job.declaration.drill?.scope ?? "full";
  const retention = toMilliseconds(job.declaration.evidenceRetention ?? defaultEvidenceRetention);
  return {
    id: job.id,
    run,
    startedAt,
    endedAt: formatInstant(now()),
    account: nameAccount(),
    host: hostname(),
    runner: readRelease(),
    points: [],
    scope: sample === "full" ? "full" : { ...sample, seed: run },
    files: 0,
    bytes: 0,
    restoreMilliseconds: 0,
    compared: 0,
    differences: { count: 0, listed: [] },
    checks: [],
    verdict: message === "" ? "passed" : "failed",
    message,
    keepUntil: formatInstant(new Date(now().getTime() + retention)),
  };
}

function nameAccount(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`; // an account without an entry in the user database
  }
}
