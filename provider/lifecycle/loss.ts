/** What a change does away with. */
export interface Loss {
  /** `delete`: recovery points go. `unprotect`: they stay, and nothing looks after them or adds to them any more. */
  readonly verb: "delete" | "unprotect";
  readonly points: number;
  /** The newest that is concerned: consent reaches no further. */
  readonly cutOff: Date;
  readonly sentence: string;
}

/** What stands for a store that cannot be looked at: consent to leave it is consent to whatever it holds. */
export const uncounted = { points: 999_999_999, cutOff: new Date("9999-12-31T00:00:00Z") };

export function countPoints(count: number): string {
  return `${count} recovery point${count === 1 ? "" : "s"}`;
}
