import { findPathsOf } from "./unknowns";

/** What the program's side puts in place of a secret, which thereby never leaves the program. */
export const refusedSecret = "backup-posture: a secret was given here";

/** The paths at which a program gave a secret. */
export function findSecretPaths(value: unknown): readonly (readonly PropertyKey[])[] {
  return findPathsOf(refusedSecret, value);
}
