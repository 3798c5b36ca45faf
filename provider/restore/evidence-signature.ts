import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatInstant } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { type Completed, runCommand } from "../platform/processes";
import type { SealedRecord } from "./evidence-record";

/** What evidence is signed for: a signature for anything else does not count, nor does one of these for anything else. */
export const signatureNamespace = "backup-posture-evidence";

const timeLimitMilliseconds = 60_000;

/** Signs with an SSH key. */
export interface Signer {
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** The armoured signature of a text, as `ssh-keygen -Y sign` writes it. @throws PostureError `permanent`. */
  sign(text: string): Promise<string>;
}

/** Who signed a record, as far as that is known. */
export type SignatureVerdict =
  | {
      readonly good: true /** As the file of allowed signers names them; null where none was given. */;
      readonly principal: string | null;
    }
  | { readonly good: false; readonly why: string };

/**
 * Opens an SSH key and tries it out.
 *
 * @param key path of a private key, or of a public key whose private half the account's ssh-agent holds.
 * @throws PostureError `permanent` where it cannot sign.
 */
export async function openSigner(key: string, signal: AbortSignal): Promise<Signer> {
  const told = await sshKeygen(["-l", "-f", key], "", signal);
  const fingerprint = / (SHA256:[A-Za-z0-9+/]{43}) /.exec(told.stdout)?.[1];
  if (told.exitCode !== 0 || fingerprint === undefined)
    throw new PostureError("permanent", `the signing key ${key} is no SSH key that this account can read`);
  const signer = { fingerprint, sign: (text: string) => sign(key, text, signal) };
  await signer.sign("backup-posture");
  return signer;
}

async function sign(key: string, text: string, signal: AbortSignal): Promise<string> {
  const { exitCode, stdout } = await sshKeygen(["-Y", "sign", "-f", key, "-n", signatureNamespace], text, signal);
  if (exitCode === 0 && stdout.startsWith("-----BEGIN SSH SIGNATURE-----")) return stdout;
  throw new PostureError(
    "permanent",
    `the signing key ${key} cannot sign: it must be a private key that only this account can read and that has no passphrase, or a public key whose private half is in this account's ssh-agent`,
  );
}

/**
 * Verifies the signature of a record.
 *
 * @param allowedSigners path of a file as `ssh-keygen(1)` describes it under ALLOWED SIGNERS; null: any key that the record names.
 */
export async function verifySignature(
  { record, bytes, signature }: SealedRecord,
  allowedSigners: string | null,
  signal: AbortSignal,
): Promise<SignatureVerdict> {
  if (record.signer === undefined || signature === null) return { good: false, why: "it is not signed" };
  const folder = await mkdtemp(join(tmpdir(), "backup-posture-signature-"));
  try {
    const path = join(folder, "signature");
    await writeFile(path, signature, { mode: 0o600 });
    return await check(
      { text: bytes.toString("utf8"), signer: record.signer, endedAt: record.endedAt },
      path,
      allowedSigners,
      signal,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function check(
  signed: { readonly text: string; readonly signer: string; readonly endedAt: string },
  path: string,
  allowedSigners: string | null,
  signal: AbortSignal,
): Promise<SignatureVerdict> {
  const ofSignature = ["-n", signatureNamespace, "-s", path];
  const checked = await sshKeygen(["-Y", "check-novalidate", ...ofSignature], signed.text, signal);
  if (checked.exitCode !== 0) return { good: false, why: "its signature is wrong" };
  if (!checked.stdout.trimEnd().endsWith(` key ${signed.signer}`))
    return { good: false, why: "it was signed by another key than it names" };
  if (allowedSigners === null) return { good: true, principal: null };
  const notAllowed = { good: false, why: "its signer is not allowed" } as const;
  const principal = await findPrincipal(signed.endedAt, path, allowedSigners, signal);
  if (principal === null) return notAllowed;
  const verified = await sshKeygen(
    ["-Y", "verify", "-f", allowedSigners, "-I", principal, ...atTime(signed.endedAt), ...ofSignature],
    signed.text,
    signal,
  );
  return verified.exitCode === 0 ? { good: true, principal } : notAllowed;
}

async function findPrincipal(
  at: string,
  signaturePath: string,
  allowedSigners: string,
  signal: AbortSignal,
): Promise<string | null> {
  const { exitCode, stdout } = await sshKeygen(
    ["-Y", "find-principals", "-s", signaturePath, "-f", allowedSigners, ...atTime(at)],
    "",
    signal,
  );
  const [principal = ""] = stdout.split("\n");
  return exitCode === 0 && principal !== "" ? principal : null;
}

/** A signer may be allowed for a time only: that of the record counts. Read as UTC, see below. */
function atTime(instant: string): readonly string[] {
  return ["-O", `verify-time=${formatInstant(new Date(instant)).replace(/[-:TZ]/g, "")}`];
}

async function sshKeygen(commandArguments: readonly string[], input: string, signal: AbortSignal): Promise<Completed> {
  try {
    return await runCommand(["ssh-keygen", ...commandArguments], {
      input,
      keepLastLineBreak: true,
      environment: { ...environmentOfAgent(), ...askNobody, LC_ALL: "C", TZ: "UTC" },
      timeoutMilliseconds: timeLimitMilliseconds,
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new PostureError("permanent", `signatures need OpenSSH's ssh-keygen: ${messageOf(error)}`, { cause: error });
  }
}

/** A key with a passphrase fails, also on a terminal: what works by hand must work for the scheduler. */
const askNobody = { SSH_ASKPASS_REQUIRE: "force", SSH_ASKPASS: "false" };

/** All of our environment that ssh-keygen needs. */
function environmentOfAgent(): Record<string, string> {
  const wanted = ["PATH", "HOME", "SSH_AUTH_SOCK", "SystemRoot", "USERPROFILE"] as const;
  return Object.fromEntries(
    wanted.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
