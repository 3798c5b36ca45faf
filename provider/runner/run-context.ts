import type { Store } from "../snapshot/stores/store";
import type { Drivers } from "./drivers";
import type { Home } from "./home";
import type { ScheduleJob } from "./job";

/** What a run is doing: for progress bars and lines, never for the journal. */
export interface RunProgress {
  readonly step: "before-hook" | "capture" | "verify" | "copy" | "after-hook" | "prune" | "failure-hook";
  /** The name of the source or hook; empty where the step has none. */
  readonly subject: string;
  readonly files: number;
  readonly bytes: number;
  /** Of a capture: what the last recovery point of the source held. */
  readonly totalFiles?: number;
  readonly totalBytes?: number;
}

export interface RunOptions {
  /** Ends the run early: it is then journalled as failed, and what it had captured is forgotten. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
  /** Receives the original error of a failed run. It may name files: for a terminal, never for the journal. */
  readonly onFault?: (error: unknown) => void;
  /** Runs although the schedule is paused. Default: false. */
  readonly evenIfPaused?: boolean;
  /** Accepts a share that is empty although its last recovery point holds files. Default: false. */
  readonly acceptEmpty?: boolean;
}

/** One run while it goes on. */
export interface RunContext {
  readonly home: Home;
  readonly job: ScheduleJob;
  readonly run: string;
  readonly store: Store;
  readonly drivers: Drivers;
  readonly options: RunOptions;
}
