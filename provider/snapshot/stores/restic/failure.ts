import { PostureError } from "../../../platform/errors";

/** What stood in the way of a restic command, as far as it tells. */
export type FailureReason =
  | "locked"
  | "wrong-password"
  | "unanswered"
  | "full"
  | "absent"
  | "forbidden"
  | "damaged"
  | "unknown";

/** Exit codes that restic has had since 0.17; before, everything is 1, and only the text tells. */
const reasonsByExitCode: Readonly<Record<number, FailureReason>> = {
  10: "absent",
  11: "locked",
  12: "wrong-password",
};

/** The first that fits: a server that cannot be reached is also reported as a repository that is not there. */
const reasonsByText: readonly (readonly [RegExp, FailureReason])[] = [
  [/repository is already locked/, "locked"],
  [/wrong password or no key found/, "wrong-password"],
  [/no space left on device|disk quota exceeded|insufficient storage|status code 507/i, "full"],
  [
    /connection (?:refused|reset|timed out|closed)|no such host|network is unreachable|no route to host|i\/o timeout|unable to start the sftp session|could not resolve|host key verification failed|x509:|tls:|bad gateway|service unavailable|broken pipe/i,
    "unanswered",
  ],
  [
    /permission denied|read-only file system|operation not permitted|access ?denied|unauthorized|forbidden|status code 40[13]/i,
    "forbidden",
  ],
  [/is there a repository at the following location|repository does not exist/i, "absent"],
  [
    /ciphertext verification failed|invalid data returned|repository contains errors|pack id does not match|not found in index|wrong hash|unable to load tree/i,
    "damaged",
  ],
];

export function findReason(exitCode: number, text: string): FailureReason {
  return reasonsByExitCode[exitCode] ?? reasonsByText.find(([pattern]) => pattern.test(text))?.[1] ?? "unknown";
}

/**
 * A failed restic command as an error of ours. The output may name files: it is kept as the cause only.
 *
 * @param subject the repository.
 * @param what what was being done.
 */
export function toFailure(subject: string, what: string, exitCode: number, text: string): PostureError {
  const reason = findReason(exitCode, text);
  const options = { cause: new Error(text.slice(0, 10_000)) };
  switch (reason) {
    case "locked":
      return new PostureError(
        "locked",
        `${subject}: held by ${describeHolder(text)}; try again when it has ended`,
        options,
      );
    case "wrong-password":
      return new PostureError(
        "unreachable",
        `${subject}: the password is wrong; correct what the store's password refers to`,
        options,
      );
    case "unanswered":
      return new PostureError(
        "unreachable",
        `${subject}: its server cannot be reached or refuses the connection; see whether it is up, and whether restic -r ${subject} snapshots works for this account`,
        options,
      );
    case "full":
      return new PostureError(
        "transient",
        `${subject}: the store is full; free or add space, or shorten a retention, and run again`,
        options,
      );
    case "absent":
      return new PostureError(
        "unreachable",
        `${subject}: no restic repository is there; mount it, or, if it is lost for good, make a new one with restic init`,
        options,
      );
    case "forbidden":
      return new PostureError(
        "unreachable",
        `${subject}: this account is not allowed to use it; grant it access, or correct the credentials in environment`,
        options,
      );
    case "damaged":
      return new PostureError(
        "permanent",
        `${subject}: ${what} met damage; backup-posture verify names what is affected`,
        options,
      );
    case "unknown":
      return new PostureError(
        "transient",
        `${subject}: ${what} failed, restic ended with exit code ${exitCode}; restic -r ${subject} check says more`,
        options,
      );
  }
}

/** restic names the process, its host and when it took the lock. */
function describeHolder(text: string): string {
  const process = /by PID (\d+) on (\S+)/.exec(text);
  const since = /lock was created at (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/.exec(text);
  if (process === null) return "another process";
  return `process ${process[1] ?? ""} on ${process[2] ?? ""}${since === null ? "" : `, since ${since[1] ?? ""}T${since[2] ?? ""}Z`}`;
}
