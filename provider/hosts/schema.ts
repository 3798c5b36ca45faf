import { z } from "zod";
import { absolutePath, wholeNumber } from "../declaration/primitives";

const login = z
  .string("must be the name of an account")
  .regex(/^[A-Za-z_][A-Za-z0-9_.@\\-]{0,103}$/, "must be the name of an account");

/** As whom to log in. Keys come from the agent, from OpenSSH's configuration, or from a file; there are no passwords. */
const credentialSchema = z.strictObject(
  {
    /** Default: as OpenSSH's configuration says, else the account that runs the engine. */
    user: login.optional(),
    /** Absolute path, on the machine that runs the engine, of the private key. Default: the agent's, and what OpenSSH's configuration names. */
    identityFile: absolutePath.optional(),
  },
  "must be an object with user or identityFile",
);

/** A machine that is reached by the OpenSSH client, whose configuration, agent and known hosts are honoured. */
const sshHostSchema = z.strictObject({
  kind: z.literal("ssh"),
  /** A name or address, or an alias of OpenSSH's configuration. A change replaces the resource. */
  address: z
    .string("must be a host name or address")
    .regex(/^[A-Za-z0-9:_][A-Za-z0-9.:_-]{0,252}$/, "must be a host name or address"),
  /** A change replaces the resource. Default: as OpenSSH's configuration says, else 22. */
  port: wholeNumber(1, 65_535).optional(),
  /** Used by previews and refreshes, and works under a forced command that only looks. Default: that of OpenSSH's configuration. */
  observe: credentialSchema.optional(),
  /** Used to create, update and delete. Default: that of OpenSSH's configuration. */
  apply: credentialSchema.optional(),
  /** Absolute path, on the machine that runs the engine, of the file with the host's key. Default: as OpenSSH's configuration says. */
  knownHostsFile: absolutePath.optional(),
  /** Absolute path of Node on the host. Default: `node`, as its PATH says. */
  node: absolutePath.optional(),
});

/** The machine that holds the home and does the work, told apart by `kind`. Default: this one. */
export const hostSchema = z.discriminatedUnion(
  "kind",
  [z.strictObject({ kind: z.literal("local") }), sshHostSchema],
  'must be an object whose kind is "local" or "ssh"',
);

/** See {@link hostSchema}. */
export type HostDeclaration = z.infer<typeof hostSchema>;
export type SshHostDeclaration = Extract<HostDeclaration, { kind: "ssh" }>;
export type SshCredential = z.infer<typeof credentialSchema>;

/** What says which machine it is; all else says how to reach it. */
export function identifyHost(host: unknown): unknown {
  const parsed = hostSchema.safeParse(host);
  if (!parsed.success || parsed.data.kind === "local") return undefined;
  const { kind, address, port } = parsed.data;
  return { kind, address, ...(port === undefined ? {} : { port }) };
}

/** The remote machine of a property bag; null for this machine. */
export function findRemoteHost(bag: Readonly<Record<string, unknown>>): SshHostDeclaration | null {
  const parsed = hostSchema.safeParse(bag.host);
  return parsed.success && parsed.data.kind === "ssh" ? parsed.data : null;
}
