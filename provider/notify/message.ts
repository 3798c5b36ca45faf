import type { Fault } from "../declaration/health";
import type { Occasion } from "./schema";

/** What notifiers are told of. */
export type Watched = "schedule" | "restoreTarget";

const titles: Readonly<Record<Watched, string>> = { schedule: "Backup", restoreTarget: "Restore target" };

/** What somebody is told. It holds no names of users' files, no output of commands and no secrets: sentences of health are worded by us. */
export interface Message {
  readonly what: Occasion | "reminder";
  readonly of: Watched;
  readonly id: string;
  readonly owner: string | null;
  readonly host: string;
  /** When it was found to be so, ISO 8601. */
  readonly at: string;
  /** What is wrong, the worst first; none: all is well again. */
  readonly faults: readonly Fault[];
}

/** The message in one line. */
export function describeSubject({ what, of, id, host, faults }: Message): string {
  return `${titles[of]} ${id} on ${host}: ${describeState(what, faults)}`;
}

/** The message in a few lines: what is wrong, and what to do about each. */
export function describeBody(message: Message): readonly string[] {
  return [
    ...message.faults.map(({ sentence, remedy }) => `${sentence}\n  what to do: ${remedy}`),
    ...(message.faults.length === 0 ? ["Everything that was wrong is over."] : []),
    `Seen at ${message.at}. backup-posture status shows how it is now.`,
  ];
}

function describeState(what: Message["what"], [worst]: readonly Fault[]): string {
  if (worst === undefined) return "well again";
  return what === "reminder" ? `still ${worst.sentence}` : worst.sentence;
}
