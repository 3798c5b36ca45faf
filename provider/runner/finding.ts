/** One thing that was examined. */
export interface Finding {
  /** What was examined: `node`, `home`, `store`, … */
  readonly subject: string;
  /** Which one: a path, an id, or empty. */
  readonly of: string;
  /** `warning`: it works, and somebody should know. */
  readonly state: "good" | "warning" | "bad";
  readonly found: string;
  /** What to do about it; empty where all is well. */
  readonly advice: string;
}

export function good(subject: string, of: string, found: string): Finding {
  return { subject, of, state: "good", found, advice: "" };
}

export function warning(subject: string, of: string, found: string, advice: string): Finding {
  return { subject, of, state: "warning", found, advice };
}

export function bad(subject: string, of: string, found: string, advice: string): Finding {
  return { subject, of, state: "bad", found, advice };
}
