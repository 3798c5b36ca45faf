import { showPath } from "../platform/display";
import { messageOf } from "../platform/errors";
import type { CommandContext } from "./command";

/** Shows the original error of something that failed, and what caused it, on standard error: it may name files, and the journal may not. */
export function noteFault({ progress }: Pick<CommandContext, "progress">): (error: unknown) => void {
  return (error) => {
    for (const line of describeChain(error)) progress.note(line);
  };
}

function describeChain(error: unknown): readonly string[] {
  const lines: string[] = [];
  for (
    let cause = error;
    cause !== undefined && lines.length < 5;
    cause = cause instanceof Error ? cause.cause : undefined
  )
    lines.push(`${lines.length === 0 ? "fault" : "  caused by"}: ${showPath(messageOf(cause).slice(0, 1_000))}`);
  return lines;
}
