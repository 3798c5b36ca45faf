import { z } from "zod";

const withoutPassword = z.object({
  kind: z.literal("windows-task"),
  runAs: z.object({ user: z.string(), password: z.undefined().optional() }),
});

/**
 * Why runs could not reach what they need: those of an account whose password Windows does not keep have no network.
 *
 * @param needs what they need, by property, as far as it is known.
 */
export function findLogonFault(scheduler: unknown, needs: Readonly<Record<string, unknown>>): string | null {
  if (!withoutPassword.safeParse(scheduler).success) return null;
  for (const [property, value] of Object.entries(needs))
    if (isRemote(value))
      return `scheduler.runAs: must have a password, since ${property} is on another computer, and without one its runs have no network`;
  return null;
}

function isRemote(value: unknown): boolean {
  if (typeof value === "string") return /^\\\\[^\\]/.test(value);
  return typeof value === "object" && value !== null && Object.values(value).some(isRemote);
}
