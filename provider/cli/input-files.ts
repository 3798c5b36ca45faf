import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { z } from "zod";
import { messageOf, PostureError, systemCodeOf } from "../platform/errors";

/**
 * Reads a JSON file that a person, or PowerShell, has written, in UTF-8 or UTF-16 with its mark, and checks it.
 *
 * @throws PostureError `usage`, which names the file and each fault by its path, and no value.
 */
export async function readJsonFile<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
  const text = decode(await readBytes(path));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PostureError("usage", `${path}: is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path: at, message }) => `${at.join(".") || "the whole"}: ${message}`);
  throw new PostureError("usage", `${path}: ${faults.join("; ")}`);
}

/** The absolute path of a file that another program is to read. @throws PostureError `usage`, where this account cannot. */
export async function requireReadable(path: string): Promise<string> {
  await readBytes(path);
  return resolve(path);
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new PostureError("usage", `${path}: cannot be read: ${systemCodeOf(error) ?? messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What `Out-File` and `>` of Windows PowerShell write begins with a mark of its encoding. */
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  return bytes.toString("utf8").replace(/^\ufeff/, "");
}
