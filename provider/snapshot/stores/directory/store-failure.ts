import { messageOf, PostureError, systemCodeOf } from "../../../platform/errors";
import type { StoreLayout } from "./layout";

/** What an error of the operating system means for the store; other errors are given back as they are. */
export function explainStoreFailure(layout: StoreLayout, what: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (error instanceof PostureError || code === undefined || code === "ABORT_ERR") return error;
  const options = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT")
    return new PostureError(
      "transient",
      `${layout.root}: the store is full; free or add space, or shorten a retention, and run again`,
      options,
    );
  if (code === "EROFS" || code === "EACCES" || code === "EPERM")
    return new PostureError("unreachable", `${layout.root}: the store cannot be written: ${messageOf(error)}`, options);
  return new PostureError("transient", `${layout.root}: ${what} failed: ${messageOf(error)}`, options);
}
