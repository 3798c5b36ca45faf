import { stat } from "node:fs/promises";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";

/**
 * Makes sure that a command that reported success has made its file.
 *
 * @throws PostureError `permanent` where it has not, or where the file is empty.
 */
export async function requireProducedFile(path: string, subject: string): Promise<void> {
  const size = await sizeOf(path, subject);
  if (size === null) throw new PostureError("permanent", `${subject}: the command reported success and made no file`);
  if (size === 0)
    throw new PostureError("permanent", `${subject}: the command reported success and made an empty file`);
}

async function sizeOf(path: string, subject: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw new PostureError(
      "unreachable",
      `${subject}: the file that was made cannot be looked at (${systemCodeOf(error) ?? "unknown error"})`,
      { cause: error },
    );
  }
}
