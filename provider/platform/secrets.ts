import { readFile } from "node:fs/promises";
import { PostureError, systemCodeOf } from "./errors";

/** Where a secret is to be found on this host: an environment variable's name or a file's path. */
export type SecretLocation = { readonly env: string } | { readonly file: string };

/**
 * The value of a secret. Of a file, one line break at the end is left out.
 *
 * @param what names the use in errors, which never hold the value.
 * @throws PostureError `permanent` when the variable is not set, or the file cannot be read or is empty.
 */
export async function resolveSecret(location: SecretLocation, what: string): Promise<string> {
  if ("env" in location) {
    const value = process.env[location.env];
    if (value === undefined || value === "")
      throw new PostureError(
        "permanent",
        `${what}: the environment variable ${location.env} is not set where the runner runs`,
      );
    return value;
  }
  const value = (await readSecretFile(location.file, what)).replace(/\r?\n$/, "");
  if (value === "") throw new PostureError("permanent", `${what}: the file ${location.file} is empty`);
  return value;
}

async function readSecretFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new PostureError(
      "permanent",
      `${what}: the file ${path} cannot be read (${systemCodeOf(error) ?? "unknown error"})`,
      { cause: error },
    );
  }
}
