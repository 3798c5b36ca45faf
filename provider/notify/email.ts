import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { toMilliseconds } from "../platform/durations";
import { PostureError, systemCodeOf } from "../platform/errors";
import { resolveSecret } from "../platform/secrets";
import { defaultNotifyTimeout } from "./defaults";
import { describeBody, describeSubject, type Message } from "./message";
import type { Email } from "./schema";

/** Tells people by e-mail, through an SMTP server. @throws PostureError that holds no password, and nothing that the server said. */
export async function tellByEmail(name: string, email: Email, message: Message): Promise<void> {
  const what = `email ${name}`;
  const password = email.password === undefined ? undefined : await resolveSecret(email.password, `${what}, password`);
  const authorities = email.authorities === undefined ? undefined : await readAuthorities(what, email.authorities);
  const { createTransport } = await import("nodemailer");
  const { security = "starttls", timeout = defaultNotifyTimeout } = email;
  const limit = toMilliseconds(timeout);
  const transport = createTransport({
    host: email.server,
    port: email.port ?? (security === "tls" ? 465 : 587),
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    connectionTimeout: limit,
    greetingTimeout: limit,
    socketTimeout: limit,
    dnsTimeout: limit,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(authorities === undefined ? {} : { tls: { ca: [...rootCertificates, authorities] } }),
    ...(email.user === undefined ? {} : { auth: { user: email.user, pass: password ?? "" } }),
  });
  try {
    await transport.sendMail({
      from: email.from,
      to: email.to,
      subject: describeSubject(message),
      text: describeBody(message).join("\n\n"),
      headers: { "auto-submitted": "auto-generated" },
    });
  } catch (error) {
    throw new PostureError("transient", `${what}: ${explain(error)}`);
  } finally {
    transport.close();
  }
}

/** Only codes are told: what a server answers may name anything. */
function explain(error: unknown): string {
  const code = systemCodeOf(error);
  switch (code) {
    case "EAUTH":
      return "the server does not accept the user or the password";
    case "EENVELOPE":
      return "the server does not accept the sender or a receiver";
    case "ETLS":
      return "the server does not encrypt, or its certificate is not trusted";
    case "ETIMEDOUT":
      return "the server did not answer in time";
    case undefined:
      return "it could not be sent";
    default:
      return `it could not be sent (${code})`;
  }
}

async function readAuthorities(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new PostureError(
      "permanent",
      `${what}: the file ${path} cannot be read (${systemCodeOf(error) ?? "unknown error"})`,
      {
        cause: error,
      },
    );
  }
}
