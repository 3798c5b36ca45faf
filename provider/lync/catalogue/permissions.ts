import type { Permission } from "./types";

/** Who may do all this. */
export const permissions: readonly Permission[] = [
  {
    id: "RTCUniversalServerAdmins",
    title: "Member of RTCUniversalServerAdmins",
    neededFor: "All commands of backup and restore; most do not support role-based access control.",
    basis: "page",
    citations: [
      { section: "tools/permissions", row: 1, quote: "RTCUniversalServerAdmins" },
      { section: "tools/permissions", row: 2, quote: "do not support role-based access control (RBAC)" },
    ],
  },
  {
    id: "CsPersistentChatAdministrator",
    title: "Member of CsPersistentChatAdministrator",
    neededFor: "Export-CsPersistentChatData and Import-CsPersistentChatData.",
    basis: "page",
    citations: [{ section: "tools/permissions", row: 3, quote: "CsPersistentChatAdministrator group" }],
  },
  {
    id: "CsResponseGroupAdministrator",
    title: "Member of CsResponseGroupAdministrator",
    neededFor: "Export-CsRgsConfiguration and Import-CsRgsConfiguration, in place of RTCUniversalServerAdmins.",
    basis: "documentation",
    citations: [],
  },
  {
    id: "local-administrator",
    title: "Local administrator of the computer",
    neededFor: "The Deployment Wizard and Enable-CsComputer, and, on the file share's host, Enable-CsTopology.",
    basis: "page",
    citations: [{ section: "tools/permissions", row: 4, quote: "To run Lync Server Deployment Wizard" }],
  },
  {
    id: "domain-administrator",
    title: "Domain administrator, unless setup permission is delegated",
    neededFor: "Enable-CsTopology.",
    basis: "documentation",
    citations: [],
  },
  {
    id: "sql-backup-operator",
    title: "Right to back up, and to restore, the databases in SQL Server",
    neededFor:
      "Archiving, Monitoring and Persistent Chat databases. The service account of SQL Server writes and reads the files: it needs the place too.",
    basis: "tool",
    citations: [],
  },
  {
    id: "file-store-reader",
    title: "Right to read the file store's share, security descriptors included",
    neededFor: "Copying file stores.",
    basis: "tool",
    citations: [],
  },
  {
    id: "file-store-writer",
    title: "Right to write the file store's share, security descriptors included",
    neededFor: "Restoring file stores.",
    basis: "tool",
    citations: [],
  },
];
