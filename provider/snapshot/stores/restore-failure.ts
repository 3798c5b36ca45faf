import { messageOf, PostureError, systemCodeOf } from "../../platform/errors";

/** What a failed system call of a restore means to people; everything else as it is. A full disk may pass. */
export function explainRestoreFailure(to: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (error instanceof PostureError || code === undefined || code === "ABORT_ERR") return error;
  const kind = code === "ENOSPC" || code === "EDQUOT" ? "transient" : "permanent";
  return new PostureError(kind, `${to}: the restore failed: ${messageOf(error)}; what was restored so far stays`, {
    cause: error,
  });
}
