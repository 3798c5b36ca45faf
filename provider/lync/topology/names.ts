import { z } from "zod";

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const fqdnPattern = new RegExp(`^(?=.{1,255}$)(?:${label}\\.)+(?!\\d+$)${label}$`);
const addressPattern = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const shareName = '[^\\\\/:*?"<>|\\[\\];=,+\\p{Control}]{1,80}';
const folderName = '[^\\\\/:*?"<>|\\p{Control}]{1,255}';
const uncPattern = new RegExp(`^\\\\\\\\([A-Za-z0-9][A-Za-z0-9.-]{0,254})\\\\${shareName}(?:\\\\${folderName})*$`, "u");

/** A fully qualified domain name; kept in lower case, since names of computers have none. */
export const fqdn = z
  .string("must be a fully qualified domain name such as fe01.contoso.com")
  .toLowerCase()
  .regex(fqdnPattern, "must be a fully qualified domain name such as fe01.contoso.com");

/** A fully qualified domain name as it is written where nothing may be rewritten: in lower case. */
export const lowerCaseFqdn = z
  .string("must be a fully qualified domain name in lower case, such as fe01.contoso.com")
  .regex(fqdnPattern, "must be a fully qualified domain name in lower case, such as fe01.contoso.com");

/** A fully qualified domain name or an IPv4 address, as gateways have. */
export const fqdnOrAddress = z
  .string("must be a fully qualified domain name or an IPv4 address")
  .toLowerCase()
  .refine(
    (value) => fqdnPattern.test(value) || addressPattern.test(value),
    "must be a fully qualified domain name or an IPv4 address",
  );

/** A named instance of SQL Server, at most 16 characters. The default instance is named by leaving it out. */
export const instanceName = z
  .string("must be the name of an instance of SQL Server such as RTC")
  .regex(/^[A-Za-z_][A-Za-z0-9_$]{0,15}$/, "must be the name of an instance of SQL Server such as RTC")
  .refine(
    (value) => !["default", "mssqlserver"].includes(value.toLowerCase()),
    "names the default instance, which is left out",
  );

/** A UNC path, `\\server\share` or a folder below one, without a trailing backslash. */
export const uncPath = z
  .string("must be a UNC path such as \\\\fs01.contoso.com\\lync")
  .max(4096, "must be at most 4096 characters")
  .regex(uncPattern, "must be a UNC path such as \\\\fs01.contoso.com\\lync, without a trailing backslash")
  .refine(
    (value) => !value.split("\\").some((step) => /[. ]$/.test(step)),
    "must not have folders whose names end with a dot or a space: Windows takes those for others",
  );

/** The name by which the topology refers to a SQL Server instance or a file store. */
export const referenceName = z
  .string("must be a name")
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "names are 1 to 64 letters, digits, dots, hyphens and underscores");

/** The message for a value that is no object at all; a key too many is still named. */
export function notAnObject(message: string): {
  readonly error: (issue: { readonly code?: string | undefined }) => string | undefined;
} {
  return { error: ({ code }) => (code === "unrecognized_keys" ? undefined : message) };
}
