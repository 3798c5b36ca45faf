import { z } from "zod";
import { sharePath } from "../declaration/azure-share";
import {
  absolutePath,
  commandLine,
  duration,
  secretReference,
  variableName,
  wholeNumber,
} from "../declaration/primitives";
import { products } from "../lync/catalogue/types";
import { holdsUnquotable } from "../lync/quoting/text";
import { instanceName, lowerCaseFqdn, uncPath } from "../lync/topology/names";

/** Globs of what is left out, relative to the root; a pattern without a slash matches at every depth. A set: order means nothing. */
export const excludeSchema = z
  .array(
    z
      .string("must be a glob")
      .min(1, "must not be empty")
      .max(1024, "must be at most 1024 characters")
      .refine((value) => !value.includes("\0"), "must not contain NUL"),
    "must be an array of globs",
  )
  .max(1000, "must be at most 1000 globs");

/** What is known of the data in a share: `lync` leaves out `Meeting.Active`, which is locked while a meeting takes place. */
export const workloadSchema = z.enum(["lync"], 'must be "lync"');

const fileShareSource = z.strictObject({
  kind: z.literal("file-share"),
  /**
   * Absolute path of the share's root on the host, or `azure-files://account/share/folder` where the store is of kind `azure-files`. Symlinks
   * are kept as links and never followed.
   */
  path: sharePath,
  exclude: excludeSchema.optional(),
  workload: workloadSchema.optional(),
});

/** How long one command of a source may take. Default: `4h`. */
const timeout = duration.optional();

/** Which SQL Server. */
export const sqlServerAddress = {
  /** FQDN of the computer that SQL Server runs on, in lower case. */
  server: lowerCaseFqdn,
  /** Left out: the default instance. */
  instance: instanceName.optional(),
};

/** A folder through which files go to SQL Server and come from it. */
export const sqlServerHandover = {
  /** Absolute path, on the runner's host, of a folder that SQL Server's own service account can write. */
  folder: absolutePath,
  /** The same folder as SQL Server names it: a UNC path, or a path on its computer. Default: `folder`. */
  folderOnServer: z
    .string("must be an absolute path")
    .max(4096, "must be at most 4096 characters")
    .regex(/^(?:[A-Za-z]:\\|\\\\[^\\]+\\[^\\]|\/)/, "must be an absolute path, as SQL Server names it")
    .refine((path) => !holdsUnquotable(path), "must not contain control characters or line breaks")
    .refine((path) => !path.split(/[\\/]/).includes(".."), "must not contain '..' steps")
    .optional(),
};

/** What one export of Lync Server or Skype for Business Server holds. */
const lyncExport = z.discriminatedUnion(
  "kind",
  [
    /** Topology, policies and configuration. */
    z.strictObject({
      kind: z.literal("configuration"),
      /**
       * FQDN of the computer that the runner is on, whose replica is exported when the Central Management store cannot be reached; the journal
       * then says so, and a replica that is not up to date is refused. Default: no replica is.
       */
      replica: lowerCaseFqdn.optional(),
    }),
    /** Location information for E9-1-1. */
    z.strictObject({
      kind: z.literal("location-information"),
      /** FQDN of the computer that exports it, through a remote session. Default: the one that the runner is on. */
      computer: lowerCaseFqdn.optional(),
    }),
    /** Response Groups of one pool. A pool that has none gives an empty recovery point, and the journal says so. */
    z.strictObject({ kind: z.literal("response-groups"), pool: lowerCaseFqdn }),
    /** Persistent user data and conference IDs of one pool. */
    z.strictObject({ kind: z.literal("user-data"), pool: lowerCaseFqdn }),
    /** Persistent Chat's rooms and their content. */
    z.strictObject({ kind: z.literal("persistent-chat"), ...sqlServerAddress }),
  ],
  'must be an object whose kind is "configuration", "location-information", "response-groups", "user-data" or "persistent-chat"',
);

const lyncExportSource = z.strictObject({
  kind: z.literal("lync-export"),
  /** Decides which PowerShell module is loaded: that of Lync Server 2013, or that of Skype for Business Server. */
  product: z.enum(products, `must be one of ${products.join(", ")}`),
  export: lyncExport,
  timeout,
});

const lyncFileStoreSource = z.strictObject({
  kind: z.literal("lync-file-store"),
  /** UNC path of the file store. It is copied by robocopy, with security descriptors and without `Meeting.Active`: for a Windows host. */
  path: uncPath,
  timeout,
});

const sqlServerSource = z.strictObject({
  kind: z.literal("sql-server"),
  ...sqlServerAddress,
  /** The database's name. */
  database: z
    .string("must be the name of a database")
    .min(1, "must not be empty")
    .max(128, "must be at most 128 characters")
    .refine((name) => !holdsUnquotable(name), "must not contain control characters or line breaks"),
  /** Express has no compressed backups. */
  edition: z.enum(["express", "standard", "enterprise"], 'must be "express", "standard" or "enterprise"'),
  ...sqlServerHandover,
  timeout,
});

const smbShareSource = z.strictObject({
  kind: z.literal("smb-share"),
  /** `//server/share`, or the same with backslashes. */
  share: z
    .string("must be a share such as //fs01.contoso.com/files")
    .max(1024, "must be at most 1024 characters")
    .regex(
      /^(?:\/\/|\\\\)[A-Za-z0-9][A-Za-z0-9.-]*[\\/][^\\/<>:"|?*\u0000-\u001f\u007f]+$/,
      "must be a share such as //fs01.contoso.com/files",
    ),
  /** A folder within the share. Default: all of it. */
  path: z
    .string("must be a path within the share")
    .min(1, "must not be empty")
    .max(1024, "must be at most 1024 characters")
    .regex(/^[^<>:"|?*\u0000-\u001f\u007f]+$/, "must be a path within the share")
    .refine((value) => !value.split(/[\\/]/).includes(".."), "must not contain '..' steps")
    .optional(),
  /** Default: 445. */
  port: wholeNumber(1, 65_535).optional(),
  /**
   * A file on the runner's host with lines `username = …`, `password = …` and maybe `domain = …`, as smbclient reads it. On Windows the runner's own account
   * counts, and none is needed.
   */
  credentials: z
    .strictObject({ file: absolutePath }, 'must be a reference to a credentials file, {file: "/path"}')
    .optional(),
  exclude: excludeSchema.optional(),
  workload: workloadSchema.optional(),
  timeout,
});

const fileName = z
  .string("must be the name of a file")
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9 ._-]{0,127}$/,
    "must be a plain name of a file: letters, digits, spaces, dots, hyphens",
  );

const expectedText = z
  .string("must be text")
  .min(1, "must not be empty")
  .max(1024, "must be at most 1024 characters")
  .optional();

const commandSource = z
  .strictObject({
    kind: z.literal("command"),
    /** `{output}` in an argument stands for the path of the file that it is to make. */
    command: commandLine,
    /** What is kept: what the command prints, or the file that it makes, under this name. */
    output: z.union(
      [z.strictObject({ stdout: fileName }), z.strictObject({ file: fileName })],
      'must be {stdout: "name"} or {file: "name"}, with a plain name of a file',
    ),
    /** Those that are a success. Default: 0. A set. */
    exitCodes: z.array(wholeNumber(0, 255), "must be an array of exit codes").min(1, "must not be empty").optional(),
    /** Less is a failure. Default: 1. */
    minBytes: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
    /** What it begins with, such as `PGDMP`. */
    startsWith: expectedText,
    /** What stands somewhere in it, such as `PostgreSQL database dump complete`. */
    contains: expectedText,
    /** What the command needs beside the runner's own environment, by reference. */
    environment: z.record(variableName, secretReference).optional(),
    timeout,
  })
  .refine(({ command, output }) => "stdout" in output || command.some((argument) => argument.includes("{output}")), {
    path: ["command"],
    message: "must hold {output} in an argument, where the file is to be made",
  });

/** Something to back up, told apart by `kind`. */
export const sourceSchema = z.discriminatedUnion(
  "kind",
  [fileShareSource, smbShareSource, lyncExportSource, lyncFileStoreSource, sqlServerSource, commandSource],
  'must be an object whose kind is "file-share", "smb-share", "lync-export", "lync-file-store", "sql-server" or "command"',
);

/** Something to back up. */
export type SourceDeclaration = z.infer<typeof sourceSchema>;

/** How long a probe may take. Default: `5m`. */
const probeTimeout = duration.optional();

/** A cheap look that tells whether something has changed since the last backup, told apart by `kind`. */
export const changeProbeSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({
      kind: z.literal("command"),
      /** Prints the time of the last change, a version, a digest: anything that differs after a change and only then. */
      command: commandLine,
      timeout: probeTimeout,
    }),
    /** Topology, policies and configuration: when the Central Management store last made an update ready for its replicas. */
    z.strictObject({
      kind: z.literal("lync-settings"),
      product: z.enum(products, `must be one of ${products.join(", ")}`),
      timeout: probeTimeout,
    }),
    /** Response Groups of one pool: agent groups, queues, workflows, hours and holidays. */
    z.strictObject({
      kind: z.literal("lync-response-groups"),
      product: z.enum(products, `must be one of ${products.join(", ")}`),
      pool: lowerCaseFqdn,
      timeout: probeTimeout,
    }),
  ],
  'must be an object whose kind is "command", "lync-settings" or "lync-response-groups"',
);

/** See {@link changeProbeSchema}. */
export type ChangeProbe = z.infer<typeof changeProbeSchema>;

/** What a source reads, in a few words for the person who runs `up`. */
export function describeSource(source: SourceDeclaration): string {
  switch (source.kind) {
    case "file-share":
    case "lync-file-store":
      return `${source.kind} ${source.path}`;
    case "smb-share":
      return `${source.kind} ${source.share}${source.path === undefined ? "" : `/${source.path}`}`.replaceAll(
        "\\",
        "/",
      );
    case "command":
      return `${source.kind} ${source.command[0] ?? ""}`;
    case "lync-export":
      return `${source.kind} of ${source.export.kind}${"pool" in source.export ? ` of ${source.export.pool}` : ""}`;
    case "sql-server":
      return `${source.kind} database ${source.database} on ${source.server}`;
  }
}
