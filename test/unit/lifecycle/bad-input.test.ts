import fc from "fast-check";
import { refusedSecret } from "../../../provider/declaration/secrets";
import { unknownValue } from "../../../provider/declaration/unknowns";
import { createProviders, type Providers } from "../../../provider/lifecycle/providers";
import { everyProperty, listPaths, replaceAt } from "../../fixtures/declarations";

type Kind = keyof Providers;

const kinds = ["BackupSchedule", "FileShareSnapshot", "RestoreTarget"] as const;
const urn = "urn:pulumi:test::project::pulumi-nodejs:dynamic/backup-posture:BackupSchedule::files";
/** No message may show it. */
const marked = "hunter2";
const huge = `/${marked}${"x".repeat(100_000)}`;

const duration = "must be a duration such as 15m, 26h or 7d";
const durationOrZero = "must be a duration such as 0s, 15m or 26h";
const path = "must be an absolute path";
const pathHere = "must be an absolute path of this platform";
const controls = "must not contain control characters";
const identifier = "must be 1 to 63 lower-case letters, digits and hyphens, and not begin with a hyphen";
const whole = "must be a whole number from 0 to 10000";
const names = "names are 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit";
const reference = 'must be a reference to a secret, {env: "NAME"} or {file: "/path"}, never the secret itself';
const windowsAccount =
  'must be "SYSTEM", a group managed service account such as CONTOSO\\backup$, or an object with user and password';
const token = "must be the token that preview printed";
const cron = "must be a cron expression of five fields";
const nothing = undefined;
const stores = 'must be an object whose kind is "directory", "azure-files" or "restic"';
const restic = { kind: "restic", repository: "sftp:me@host:/backup", password: { file: "/etc/backup/password" } };
const repository =
  "must be an absolute path without '..' steps, or begin with sftp:, rest:, s3:, azure:, b2:, gs:, swift: or rclone:";
const inClear =
  "must not hold a password: name it in environment, for a REST server as RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD";

/** What a program gives, and all that it is told. */
const lyncExport = { kind: "lync-export", product: "sfb2019", export: { kind: "configuration" } };
const userDataOf = (pool: string) => ({ kind: "user-data", pool });
const database = {
  kind: "sql-server",
  server: "sql01.contoso.com",
  database: "LcsLog",
  edition: "standard",
  folder: "/srv/handover",
};
const evidence = { kind: "evidence", at: "2026-11-19T00:00:00Z", until: "2026-12-19T00:00:00Z" };
const products = "must be one of lync2013, sfb2015, sfb2019, sfbse";
const exports =
  'must be an object whose kind is "configuration", "location-information", "response-groups", "user-data" or "persistent-chat"';
const fqdn = "must be a fully qualified domain name in lower case, such as fe01.contoso.com";
const unc = "must be a UNC path such as \\\\fs01.contoso.com\\lync, without a trailing backslash";

const wrong: readonly (readonly [Kind, string, unknown, string])[] = [
  ["BackupSchedule", "id", "Files", `id: ${identifier}`],
  ["BackupSchedule", "id", "../../etc/passwd", `id: ${identifier}`],
  ["BackupSchedule", "id", "a\0b", `id: ${identifier}`],
  ["BackupSchedule", "id", "a\nb", `id: ${identifier}`],
  ["BackupSchedule", "id", "$(reboot)", `id: ${identifier}`],
  ["BackupSchedule", "id", "“files”", `id: ${identifier}`],
  ["BackupSchedule", "id", huge, `id: ${identifier}`],
  ["BackupSchedule", "id", 7, "id: must be text"],
  ["BackupSchedule", "home", "relative", `home: ${pathHere}`],
  ["BackupSchedule", "home", "/a\nb", `home: ${controls}`],
  ["BackupSchedule", "host", "server", 'host: must be an object whose kind is "local" or "ssh"'],
  ["BackupSchedule", "host", { kind: "moon" }, 'host.kind: must be an object whose kind is "local" or "ssh"'],
  ["BackupSchedule", "adopt", "yes", "adopt: must be true or false"],
  [
    "BackupSchedule",
    "scheduler",
    { kind: "at" },
    'scheduler.kind: must be an object whose kind is "embedded", "cron", "systemd" or "windows-task"',
  ],
  ["BackupSchedule", "scheduler", { kind: "systemd" }, "scheduler.runAs: is missing"],
  [
    "BackupSchedule",
    "scheduler",
    { kind: "systemd", runAs: "backup", scope: "session" },
    'scheduler.scope: must be "system" or "user"',
  ],
  ["BackupSchedule", "scheduler", { kind: "cron" }, "scheduler.runAs: is missing"],
  [
    "BackupSchedule",
    "scheduler",
    { kind: "cron", runAs: "root;reboot" },
    "scheduler.runAs: must be the name of an account",
  ],
  ["BackupSchedule", "scheduler", { kind: "windows-task", runAs: "backup" }, `scheduler.runAs: ${windowsAccount}`],
  [
    "BackupSchedule",
    "scheduler",
    { kind: "windows-task", runAs: { user: "CONTOSO\\svc", password: "hunter2" } },
    `scheduler.runAs: ${windowsAccount}`,
  ],
  ["BackupSchedule", "scheduler", { kind: "embedded", runAs: "root" }, "scheduler: runAs: no such property"],
  ["BackupSchedule", "when", nothing, "when: is missing"],
  ["BackupSchedule", "when", "daily", "when: must be an object with cron or every"],
  ["BackupSchedule", "when", {}, "when: must have exactly one of cron and every"],
  ["BackupSchedule", "when", { cron: "0 1 * * *", every: "1h" }, "when: must have exactly one of cron and every"],
  ["BackupSchedule", "when", { every: "59s" }, "when.every: must be from 1m to 3660d"],
  [
    "BackupSchedule",
    "when",
    { every: "0s" },
    "when.every: must be longer than zero; when.every: must be from 1m to 3660d",
  ],
  ["BackupSchedule", "when.cron", 5, `when.cron: ${cron}`],
  [
    "BackupSchedule",
    "when.cron",
    "@daily",
    `when.cron: ${cron}, separated by single spaces: minute, hour, day of month, month, day of week`,
  ],
  [
    "BackupSchedule",
    "when.cron",
    "$(reboot) * * * *",
    `when.cron: ${cron}; minute: only numbers, *, lists (1,2), ranges (1-5) and steps (*/5)`,
  ],
  ["BackupSchedule", "when.timeZone", "Mars/Olympus", "when.timeZone: must be an IANA time zone such as Europe/Berlin"],
  ["BackupSchedule", "when.jitter", "25h", "when.jitter: must be at most 1d"],
  ["BackupSchedule", "when.jitter", -5, `when.jitter: ${durationOrZero}`],
  ["BackupSchedule", "when.catchUp", 1, "when.catchUp: must be true or false"],
  ["BackupSchedule", "when.window", "night", "when.window: must be an object with from and to"],
  [
    "BackupSchedule",
    "when.window",
    { from: "01:00", to: "01:00" },
    "when.window: must not be empty: from and to are equal",
  ],
  ["BackupSchedule", "when.window.from", "24:00", "when.window.from: must be a time of day, HH:MM"],
  ["BackupSchedule", "when.window.to", nothing, "when.window.to: is missing"],
  ["BackupSchedule", "sources", nothing, "sources: is missing"],
  ["BackupSchedule", "sources", ["/srv/files"], "sources: must be an object of sources by name"],
  ["BackupSchedule", "sources", {}, "sources: must name at least one source"],
  ["BackupSchedule", "sources", { "../x": everyProperty.BackupSchedule.sources.files }, `sources."../x": ${names}`],
  [
    "BackupSchedule",
    "sources.files",
    { kind: "tape", path: "/srv" },
    'sources.files.kind: must be an object whose kind is "file-share", "smb-share", "lync-export", "lync-file-store", "sql-server" or "command"',
  ],
  ["BackupSchedule", "sources.files", { ...lyncExport, product: "lync2010" }, `sources.files.product: ${products}`],
  [
    "BackupSchedule",
    "sources.files",
    { ...lyncExport, export: { kind: "everything" } },
    `sources.files.export.kind: ${exports}`,
  ],
  [
    "BackupSchedule",
    "sources.files",
    { ...lyncExport, export: userDataOf("pool01") },
    `sources.files.export.pool: ${fqdn}`,
  ],
  [
    "BackupSchedule",
    "sources.files",
    { ...lyncExport, export: userDataOf("Pool01.contoso.com") },
    `sources.files.export.pool: ${fqdn}`,
  ],
  [
    "BackupSchedule",
    "sources.files",
    { ...lyncExport, export: userDataOf("a.b'; rm -r") },
    `sources.files.export.pool: ${fqdn}`,
  ],
  ["BackupSchedule", "sources.files", { ...lyncExport, timeout: "4" }, `sources.files.timeout: ${duration}`],
  ["BackupSchedule", "sources.files", { kind: "lync-file-store", path: "D:\\lync" }, `sources.files.path: ${unc}`],
  [
    "BackupSchedule",
    "sources.files",
    { kind: "lync-file-store", path: '\\\\fs01\\lync" /MIR' },
    `sources.files.path: ${unc}`,
  ],
  ["BackupSchedule", "sources.files", { ...database, database: "" }, "sources.files.database: must not be empty"],
  [
    "BackupSchedule",
    "sources.files",
    { ...database, database: "a\nb" },
    "sources.files.database: must not contain control characters or line breaks",
  ],
  [
    "BackupSchedule",
    "sources.files",
    { ...database, instance: "RTC;" },
    "sources.files.instance: must be the name of an instance of SQL Server such as RTC",
  ],
  ["BackupSchedule", "sources.files", { ...database, folder: "handover" }, `sources.files.folder: ${pathHere}`],
  [
    "BackupSchedule",
    "sources.files",
    { ...database, folderOnServer: "handover" },
    "sources.files.folderOnServer: must be an absolute path, as SQL Server names it",
  ],
  [
    "BackupSchedule",
    "sources.files",
    { ...database, folderOnServer: "D:\\a\\..\\b" },
    "sources.files.folderOnServer: must not contain '..' steps",
  ],
  [
    "BackupSchedule",
    "sources.files",
    { ...database, edition: "azure" },
    'sources.files.edition: must be "express", "standard" or "enterprise"',
  ],
  ["BackupSchedule", "notify", ["ops"], "notify: must be an object of notifiers by name"],
  ["RestoreTarget", "notify", ["ops"], "notify: must be an object of notifiers by name"],
  ["RestoreTarget", "notify.chat.url", `https://${marked}`, `notify.chat.url: ${reference}`],
  [
    "BackupSchedule",
    "notify.ops",
    { kind: "pigeon" },
    'notify.ops.kind: must be an object whose kind is "webhook", "email" or "ping"',
  ],
  ["BackupSchedule", "notify.ops.on", [], "notify.ops.on: must name at least one occasion"],
  [
    "BackupSchedule",
    "notify.ops.on",
    ["recovery"],
    "notify.ops.on: must name failure or staleness: a recovery is told only of what was told before",
  ],
  ["BackupSchedule", "notify.ops.on", ["success"], 'notify.ops.on[0]: must be "failure", "recovery" or "staleness"'],
  ["BackupSchedule", "notify.ops.remind", "1m", "notify.ops.remind: must be from 10m to 3660d"],
  ["BackupSchedule", "notify.ops.timeout", "2m", "notify.ops.timeout: must be from 1s to 1m"],
  ["BackupSchedule", "notify.ops.to", [], "notify.ops.to: must name at least one address"],
  [
    "BackupSchedule",
    "notify.ops.to",
    ["ops@example.com\r\nBcc: all@example.com"],
    "notify.ops.to[0]: must be an e-mail address such as backup@example.com",
  ],
  ["BackupSchedule", "notify.ops.from", "ops", "notify.ops.from: must be an e-mail address such as backup@example.com"],
  ["BackupSchedule", "notify.ops.server", "a b", "notify.ops.server: must be the name or address of a server"],
  ["BackupSchedule", "notify.ops.port", 0, "notify.ops.port: must be a whole number from 1 to 65535"],
  ["BackupSchedule", "notify.ops.security", "ssl", 'notify.ops.security: must be "starttls", "tls" or "none"'],
  [
    "BackupSchedule",
    "notify.ops.security",
    "none",
    "notify.ops.security: must be starttls or tls where there is a user: a password does not travel in clear",
  ],
  ["BackupSchedule", "notify.ops.password", marked, `notify.ops.password: ${reference}`],
  ["BackupSchedule", "notify.ops.password", nothing, "notify.ops.password: is missing"],
  ["BackupSchedule", "notify.chat.url", `https://${marked}`, `notify.chat.url: ${reference}`],
  [
    "BackupSchedule",
    "notify.chat.format",
    "irc",
    'notify.chat.format: must be "json", "slack", "mattermost" or "teams"',
  ],
  ["BackupSchedule", "notify.check.on", ["staleness"], 'notify.check.on[0]: must be "start", "success" or "failure"'],
  [
    "BackupSchedule",
    "copies.offsite.store",
    { kind: "azure-files", account: "contoso", share: "finance" },
    "copies.offsite.store: holds snapshots of its own share and no copies of anything else: declare another store",
  ],
  ["BackupSchedule", "copies", ["/mnt/offsite"], "copies: must be an object of copies by name"],
  ["BackupSchedule", "copies", { "../x": everyProperty.BackupSchedule.copies.offsite }, `copies."../x": ${names}`],
  ["BackupSchedule", "copies.offsite", "/mnt/offsite", "copies.offsite: must be an object with store"],
  ["BackupSchedule", "copies.offsite.store", nothing, "copies.offsite.store: is missing"],
  ["BackupSchedule", "copies.offsite.store.path", "offsite", `copies.offsite.store.path: ${pathHere}`],
  ["BackupSchedule", "copies.offsite.keep", { daily: -1 }, `copies.offsite.keep.daily: ${whole}`],
  ["BackupSchedule", "copies.offsite.rpo", "daily", `copies.offsite.rpo: ${duration}`],
  ["BackupSchedule", "copies.offsite.site", "", "copies.offsite.site: must not be empty"],
  ["BackupSchedule", "copies.offsite.medium", 7, "copies.offsite.medium: must be text"],
  ["BackupSchedule", "copies.offsite.immutable", "yes", "copies.offsite.immutable: must be true or false"],
  ["BackupSchedule", "copies.offsite.colour", "red", "copies.offsite: colour: no such property"],
  [
    "BackupSchedule",
    "copies.offsite.store",
    everyProperty.BackupSchedule.store,
    "copies.offsite.store: is that of the schedule itself: a copy must lie in a store of its own",
  ],
  [
    "BackupSchedule",
    "copies.offsite.rpo",
    "1h",
    "copies.offsite.rpo: worst case 25h 25m on 2027-11-01, rpo 1h: declare an rpo of at least 25h 25m, or run more often",
  ],
  ["BackupSchedule", "afterChange", ["x"], "afterChange: must be an object of probes by name"],
  [
    "BackupSchedule",
    "afterChange",
    { a: { kind: "guess" } },
    'afterChange.a.kind: must be an object whose kind is "command", "lync-settings" or "lync-response-groups"',
  ],
  [
    "BackupSchedule",
    "afterChange",
    { a: { kind: "command", command: "date" } },
    "afterChange.a.command: must be an array: the executable, then its arguments",
  ],
  [
    "BackupSchedule",
    "outside",
    { ad: { ...evidence, until: "soon" } },
    "outside.ad.until: must be an ISO 8601 instant with a zone, such as 2026-11-19T01:00:00Z",
  ],
  ["BackupSchedule", "outside", { ad: { ...evidence, until: evidence.at } }, "outside.ad.until: must be later than at"],
  ["BackupSchedule", "outside", { ad: { kind: "probe", command: ["date"] } }, "outside.ad.maxAge: is missing"],
  ["BackupSchedule", "sources.files.path", nothing, "sources.files.path: is missing"],
  ["BackupSchedule", "sources.files.path", "files", `sources.files.path: ${pathHere}`],
  ["BackupSchedule", "sources.files.path", "/srv/../etc", "sources.files.path: must not contain '..' steps"],
  ["BackupSchedule", "sources.files.path", "/srv/\0", `sources.files.path: ${controls}`],
  ["BackupSchedule", "sources.files.path", huge, "sources.files.path: must be at most 4096 characters"],
  ["BackupSchedule", "sources.files.exclude", "*.tmp", "sources.files.exclude: must be an array of globs"],
  ["BackupSchedule", "sources.files.exclude", ["ok", ""], "sources.files.exclude[1]: must not be empty"],
  ["BackupSchedule", "sources.files.exclude", ["a\0"], "sources.files.exclude[0]: must not contain NUL"],
  ["BackupSchedule", "sources.files.workload", "exchange", 'sources.files.workload: must be "lync"'],
  ["BackupSchedule", "store", nothing, "store: is missing"],
  ["BackupSchedule", "store", "/backup", `store: ${stores}`],
  ["BackupSchedule", "store", { kind: "s3" }, `store.kind: ${stores}`],
  ["BackupSchedule", "store", { ...restic, password: marked }, `store.password: ${reference}`],
  ["BackupSchedule", "store", { ...restic, repository: "backup" }, `store.repository: ${repository}`],
  ["BackupSchedule", "store", { ...restic, repository: "/backup/../etc" }, `store.repository: ${repository}`],
  [
    "BackupSchedule",
    "store",
    { ...restic, repository: `rest:https://me:${marked}@host/` },
    `store.repository: ${inClear}`,
  ],
  [
    "BackupSchedule",
    "store",
    { ...restic, environment: { RESTIC_PASSWORD: { env: "X" } } },
    "store.environment.RESTIC_PASSWORD: is set from repository and password",
  ],
  [
    "BackupSchedule",
    "store",
    { ...restic, options: { "--password-command": "x" } },
    "store.options.--password-command: must be an extended option of restic, such as sftp.command",
  ],
  ["BackupSchedule", "store", { kind: "directory" }, "store.path: is missing"],
  ["BackupSchedule", "store.path", "~/backup", `store.path: ${pathHere}`],
  ["BackupSchedule", "keep", 7, "keep: must be an object of counts"],
  [
    "BackupSchedule",
    "keep",
    { daily: 0 },
    "keep: must keep something: a retention of nothing would delete every recovery point",
  ],
  ["BackupSchedule", "keep.daily", -1, `keep.daily: ${whole}`],
  ["BackupSchedule", "keep.weekly", 1.5, `keep.weekly: ${whole}`],
  ["BackupSchedule", "keep.last", 10_001, `keep.last: ${whole}`],
  ["BackupSchedule", "keep.yearly", "7", `keep.yearly: ${whole}`],
  ["BackupSchedule", "keep.atLeast", "a week", `keep.atLeast: ${duration}`],
  ["BackupSchedule", "keep.fortnightly", 2, "keep: fortnightly: no such property"],
  ["BackupSchedule", "rpo", "26", `rpo: ${duration}`],
  ["BackupSchedule", "rpo", "0h", "rpo: must be longer than zero"],
  ["BackupSchedule", "rpo", 26, `rpo: ${duration}`],
  ["BackupSchedule", "rpo", "9999999w", "rpo: must be at most 36600d"],
  ["BackupSchedule", "rpo", null, `rpo: ${duration}`],
  ["BackupSchedule", "grace", "-1h", `grace: ${durationOrZero}`],
  ["BackupSchedule", "maxSkew", "0s", "maxSkew: must be longer than zero"],
  ["BackupSchedule", "expectedDuration", "1 h", `expectedDuration: ${durationOrZero}`],
  ["BackupSchedule", "hooks", ["quiesce"], "hooks: must be an object of hooks by name"],
  ["BackupSchedule", "hooks.quiesce", "quiesce", "hooks.quiesce: must be an object with at and command"],
  ["BackupSchedule", "hooks.quiesce.at", "during", 'hooks.quiesce.at: must be "before", "after" or "failure"'],
  [
    "BackupSchedule",
    "hooks.quiesce.command",
    "quiesce --all",
    "hooks.quiesce.command: must be an array: the executable, then its arguments",
  ],
  ["BackupSchedule", "hooks.quiesce.command", [], "hooks.quiesce.command: must name an executable"],
  ["BackupSchedule", "hooks.quiesce.command", ["a", "b\0"], "hooks.quiesce.command[1]: must not contain NUL"],
  ["BackupSchedule", "hooks.quiesce.timeout", "0s", "hooks.quiesce.timeout: must be longer than zero"],
  [
    "BackupSchedule",
    "hooks.quiesce.environment",
    ["A"],
    "hooks.quiesce.environment: must be an object of references to secrets by variable",
  ],
  [
    "BackupSchedule",
    "hooks.quiesce.environment",
    { "A B": { env: "X" } },
    'hooks.quiesce.environment."A B": must be the name of an environment variable',
  ],
  ["BackupSchedule", "hooks.quiesce.environment.TOKEN", marked, `hooks.quiesce.environment.TOKEN: ${reference}`],
  [
    "BackupSchedule",
    "hooks.quiesce.environment.TOKEN",
    { vault: "x" },
    `hooks.quiesce.environment.TOKEN: ${reference}`,
  ],
  ["BackupSchedule", "paused", true, "paused: must be an object with until and reason"],
  [
    "BackupSchedule",
    "paused.until",
    "tomorrow",
    "paused.until: must be an ISO 8601 instant with a zone, such as 2026-11-19T01:00:00Z",
  ],
  [
    "BackupSchedule",
    "paused.until",
    "2026-11-19T01:00:00",
    "paused.until: must be an ISO 8601 instant with a zone, such as 2026-11-19T01:00:00Z",
  ],
  ["BackupSchedule", "paused.reason", "a\nb", "paused.reason: must be one line without control characters"],
  ["BackupSchedule", "runOnCreate", "true", "runOnCreate: must be true or false"],
  ["BackupSchedule", "onStale", "repair", 'onStale: must be "report" or "run"'],
  ["BackupSchedule", "waitFor", "soon", `waitFor: ${durationOrZero}`],
  ["BackupSchedule", "acknowledgeDataLoss", "yes", `acknowledgeDataLoss: ${token}`],
  ["BackupSchedule", "retention", marked, "retention: no such property"],
  ["FileShareSnapshot", "share", nothing, "share: is missing"],
  ["FileShareSnapshot", "share", "/srv/files", "share: must be an object with the share's path"],
  ["FileShareSnapshot", "share.path", nothing, "share.path: is missing"],
  ["FileShareSnapshot", "share.path", "\\\\server\\share", `share.path: ${pathHere}`],
  ["FileShareSnapshot", "share.path", 7, `share.path: ${path}`],
  ["FileShareSnapshot", "share.workload", "exchange", 'share.workload: must be "lync"'],
  ["FileShareSnapshot", "store", nothing, "store: is missing"],
  ["FileShareSnapshot", "exclude", "*.tmp", "exclude: must be an array of globs"],
  ["FileShareSnapshot", "maxAge", "0d", "maxAge: must be longer than zero"],
  ["FileShareSnapshot", "verify", "deeply", 'verify: must be "metadata" or "content"'],
  ["FileShareSnapshot", "adopt", 1, "adopt: must be true or false"],
  ["FileShareSnapshot", "scheduler", { kind: "embedded" }, "scheduler: no such property"],
  ["RestoreTarget", "from", nothing, "from: is missing"],
  ["RestoreTarget", "from", "files", "from: must be an object with store and schedule"],
  ["RestoreTarget", "from.store", nothing, "from.store: is missing"],
  ["RestoreTarget", "from.schedule", "../files", `from.schedule: ${identifier}`],
  ["RestoreTarget", "from.point", "$(x)", "from.point: must be latest or a recovery point's id"],
  ["RestoreTarget", "to", nothing, "to: is missing"],
  ["RestoreTarget", "to", "C:\\restore", `to: ${pathHere}`],
  ["RestoreTarget", "drill", "90d", "drill: must be an object with every"],
  ["RestoreTarget", "drill.every", nothing, "drill.every: is missing"],
  ["RestoreTarget", "drill.every", "59m", "drill.every: must be from 1h to 3660d"],
  ["RestoreTarget", "drill.scope", "half", 'drill.scope: must be "full" or {sample: n}'],
  ["RestoreTarget", "drill.scope", { sample: 0 }, "drill.scope.sample: must be a whole number from 1 to 10000000"],
  ["RestoreTarget", "drill.checks", ["present"], "drill.checks: must be an object of checks by name"],
  [
    "RestoreTarget",
    "drill.checks.present",
    { kind: "smell" },
    'drill.checks.present.kind: must be an object whose kind is "file-present", "minimum-files", "command", "zip-opens", "sql-backup" or "lync-user-data"',
  ],
  [
    "RestoreTarget",
    "drill.checks.present.path",
    "../../etc/passwd",
    "drill.checks.present.path: must be a path relative to the restored tree, without '..' steps",
  ],
  [
    "RestoreTarget",
    "drill.checks.present.path",
    huge.slice(1),
    "drill.checks.present.path: must be at most 4096 characters",
  ],
  [
    "RestoreTarget",
    "drill.checks.many.count",
    0,
    "drill.checks.many.count: must be a whole number from 1 to 1000000000",
  ],
  [
    "RestoreTarget",
    "drill.checks.opens.command",
    "opens",
    "drill.checks.opens.command: must be an array: the executable, then its arguments",
  ],
  ["RestoreTarget", "maxRestoreTime", "fast", `maxRestoreTime: ${duration}`],
  ["RestoreTarget", "grace", true, `grace: ${durationOrZero}`],
  [
    "RestoreTarget",
    "evidenceSink",
    "/evidence",
    'evidenceSink: must be an object whose kind is "directory" or "command"',
  ],
  [
    "RestoreTarget",
    "evidenceSink.command",
    "send",
    "evidenceSink.command: must be an array: the executable, then its arguments",
  ],
  [
    "RestoreTarget",
    "evidenceSigning.key",
    "/etc/key",
    'evidenceSigning.key: must be a reference to a key, {file: "/path"}',
  ],
  ["RestoreTarget", "evidenceSigning.key.file", "key", `evidenceSigning.key.file: ${pathHere}`],
  ["RestoreTarget", "evidenceRetention", "1h", "evidenceRetention: must be from 1d to 36600d"],
  ["RestoreTarget", "plan", {}, "plan: no such property"],
];

describe("a wrong program", () => {
  it.each(wrong)("%s %s (row %#)", async (kind, at, value, told) => {
    expect(await check(kind, replaceAt(everyProperty[kind], at.split("."), value))).toBe(told);
  });

  it("is told everything at once", async () => {
    const told = await check("BackupSchedule", { rpo: marked, keep: { daily: marked }, sauces: marked });
    expect(told?.split("; ").sort()).toEqual([
      `keep.daily: ${whole}`,
      `rpo: ${duration}`,
      "sauces: no such property",
      "sources: is missing",
      "store: is missing",
      "when: is missing",
    ]);
  });

  it.each(kinds)(
    "%s: whatever stands in place of a property is accepted or refused by its path, and never shown",
    async (kind) => {
      const hostile = fc.oneof(
        fc.constantFrom<unknown>(null, true, 7, -1, 1.5, Number.NaN, [marked], { key: marked }, { kind: marked }),
        fc.constantFrom(
          `${marked}\0`,
          `${marked}\n`,
          `/${marked}/../etc`,
          `$(${marked})`,
          huge,
          `“${marked}”`,
          `%${marked}%`,
          `\`${marked}\``,
        ),
        fc.string().map((text) => `${marked}${text}`),
      );
      const property = fc.constantFrom(...listPaths(everyProperty[kind]));
      await fc.assert(
        fc.asyncProperty(property, hostile, async (where, value) => {
          const told = await check(kind, replaceAt(everyProperty[kind], where, value));
          if (told === undefined) return;
          expect(told.startsWith(where[0] ?? "")).toBe(true);
          expect(told).not.toContain(marked);
          expect(told).not.toContain("Invalid input");
        }),
        { numRuns: 300 },
      );
    },
  );
});

describe("a program with values that are not known before up", () => {
  it.each(kinds)("%s: passes with any property unknown", async (kind) => {
    for (const where of listPaths(everyProperty[kind]))
      expect([where.join("."), await check(kind, replaceAt(everyProperty[kind], where, unknownValue))]).toEqual([
        where.join("."),
        undefined,
      ]);
  });

  it("is still told what is wrong for certain", async () => {
    const bag = { ...replaceAt(everyProperty.BackupSchedule, ["store"], unknownValue), sauces: 1, rpo: "soon" };
    expect(await check("BackupSchedule", bag)).toBe(`rpo: ${duration}; sauces: no such property`);
  });
});

describe("a program that gives a secret", () => {
  it.each(kinds)("%s: is refused at any property, with the way to give one", async (kind) => {
    for (const where of listPaths(everyProperty[kind])) {
      const told = await check(kind, replaceAt(everyProperty[kind], where, refusedSecret));
      expect(told).toMatch(/^\S+: is a secret, and would lie open in the job; secrets are given by reference/);
      expect(told?.startsWith(where[0] ?? "")).toBe(true);
    }
  });
});

/** All that a program is told, or undefined. */
async function check(kind: Kind, bag: Record<string, unknown>): Promise<string | undefined> {
  const provider = createProviders(() => undefined)[kind];
  const { failures = [] } = await provider.check({}, { ...bag, owner: urn, __provider: "x" });
  expect(failures.length).toBeLessThanOrEqual(1);
  for (const { property } of failures) expect(property).toBe("");
  return failures[0]?.reason;
}
