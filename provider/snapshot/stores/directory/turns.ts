const turnMilliseconds = 25;

/** Keeps long synchronous work from holding up the rest of the process. */
export class Turns {
  #began = performance.now();

  constructor(readonly signal: AbortSignal) {}

  /** Lets others have their turn when ours was long enough. @throws the signal's reason when it is aborted. */
  async next(): Promise<void> {
    if (performance.now() - this.#began < turnMilliseconds) return;
    await new Promise(setImmediate);
    this.signal.throwIfAborted();
    this.#began = performance.now();
  }
}
