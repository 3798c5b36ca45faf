import { resolve } from "node:path";
import { z } from "zod";
import { hostSchema, type SshHostDeclaration } from "../hosts/schema";
import { PostureError } from "../platform/errors";

/** How a remote host is named on the command line. */
export const remoteHostOptions = [
  ["--host <[user@]address[:port]>", "this host, over SSH, instead of this machine"],
  ["--identity <file>", "the private key to log in to it with"],
  ["--known-hosts <file>", "the file with its host key"],
  ["--node <path>", "Node on it, where its PATH has none"],
] as const;

/** See {@link remoteHostOptions}. */
export const remoteHostInput = {
  host: z.string().min(1).optional(),
  identity: z.string().min(1).optional(),
  knownHosts: z.string().min(1).optional(),
  node: z.string().min(1).optional(),
};

type Named = { readonly [K in keyof typeof remoteHostInput]?: string | undefined };

/**
 * The host that the command line names; null where it names none.
 *
 * @throws PostureError `usage`.
 */
export function readRemoteHost({ host, identity, knownHosts, node }: Named): SshHostDeclaration | null {
  if (host === undefined) return null;
  const [, user, address, port] = /^(?:([^@]+)@)?(.+?)(?::(\d+))?$/.exec(host) ?? [];
  const apply = { user, identityFile: identity === undefined ? undefined : resolve(identity) };
  const parsed = hostSchema.safeParse({
    kind: "ssh",
    address,
    port: port === undefined ? undefined : Number(port),
    apply,
    knownHostsFile: knownHosts === undefined ? undefined : resolve(knownHosts),
    node,
  });
  if (parsed.success && parsed.data.kind === "ssh") return parsed.data;
  const why = parsed.error?.issues.map(({ message }) => message).join("; ") ?? "";
  throw new PostureError("usage", `--host ${host}: ${why}`);
}
