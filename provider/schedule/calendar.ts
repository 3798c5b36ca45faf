import { Cron } from "croner";

/** Why a cron expression is not one of five fields that every scheduler reads alike, or undefined when it is. */
export function findCronFault(expression: string): string | undefined {
  if (expression.trim().split(/\s+/).length !== 5) return "must be a cron expression of five fields";
  try {
    new Cron(expression, { paused: true });
    return undefined;
  } catch {
    return "must be a cron expression of five fields";
  }
}

/** Whether this platform knows an IANA time zone of this name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
