/**
 * Work that serves everyone who asked for it before it began. Who asks while it goes on waits for the next round, which all who come until then
 * share.
 */
export class Rounds {
  readonly #work: (of: string) => Promise<void>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  constructor(work: (of: string) => Promise<void>) {
    this.#work = work;
  }

  /** Waits for a round that begins after this call. @throws what the work throws, to all who waited for that round. */
  join(of: string): Promise<void> {
    const planned = this.#next.get(of);
    if (planned !== undefined) return planned;
    const round = this.#begin(of);
    this.#next.set(of, round);
    return round;
  }

  async #begin(of: string): Promise<void> {
    await this.#running.get(of)?.catch(() => undefined);
    this.#next.delete(of);
    const work = this.#work(of);
    this.#running.set(of, work);
    try {
      await work;
    } finally {
      if (this.#running.get(of) === work) this.#running.delete(of);
    }
  }
}
