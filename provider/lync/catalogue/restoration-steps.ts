import type { RestorationStep } from "./types";

/** The restoration table, row by row, which is also the order of a whole restore. */
export const restorationSteps: readonly RestorationStep[] = [
  {
    id: "build-computer",
    title: "Build a new or clean computer",
    tools: [
      { kind: "setup", what: "Windows operating system installation software", reach: "local" },
      { kind: "setup", what: "SQL Server installation software", reach: "local" },
      {
        kind: "setup",
        what: "Certificates snap-in of the Management Console, for certificates with an exportable private key",
        reach: "local",
      },
    ],
    brings: [],
    notes: [
      "Same fully qualified domain name, same SQL instance names; its computer account in Active Directory must not have been deleted.",
    ],
    permissions: ["local-administrator"],
    citations: [
      { section: "tools/restoring", row: 1, quote: "Build a new or clean computer" },
      { section: "tools/restoring", row: 1, item: 1, quote: "Windows operating system installation software" },
      { section: "tools/restoring", row: 1, item: 2, quote: "SQL Server installation software" },
      { section: "tools/restoring", row: 1, item: 3, quote: "Certificates Microsoft Management Console (MMC) snap-in" },
    ],
  },
  {
    id: "restore-file-store",
    title: "Restore file store data",
    tools: [{ kind: "file-copy", reach: "remote" }],
    brings: ["lync-file-store", "archiving-file-store", "persistent-chat-file-store"],
    notes: ["To the same path as before."],
    permissions: ["file-store-writer"],
    citations: [{ section: "tools/restoring", row: 2, quote: "Restore file store data" }],
  },
  {
    id: "create-databases",
    title: "Create empty databases and set their permissions",
    tools: [{ kind: "cmdlet", cmdlet: "Install-CsDatabase", reach: "remote" }],
    brings: [],
    notes: [
      "For the Central Management store, Back End Server, Monitoring and Archiving databases; -Clean deletes what is there.",
    ],
    permissions: ["RTCUniversalServerAdmins"],
    citations: [
      { section: "tools/restoring", row: 3, quote: "Recreate empty databases and set permissions" },
      { section: "tools/restoring", row: 3, item: 1, quote: "Central Management store" },
      { section: "tools/restoring", row: 3, item: 2, quote: "Back End Server" },
      { section: "tools/restoring", row: 3, item: 3, quote: "Monitoring database" },
      { section: "tools/restoring", row: 3, item: 4, quote: "Archiving database" },
    ],
  },
  {
    id: "set-store-location",
    title: "Restore the pointer to the Central Management store in Active Directory Domain Services",
    tools: [{ kind: "cmdlet", cmdlet: "Set-CsConfigurationStoreLocation", reach: "remote" }],
    brings: [],
    notes: ["Safe to run again whenever the service connection point is lost."],
    permissions: ["RTCUniversalServerAdmins"],
    citations: [{ section: "tools/restoring", row: 4, quote: "Restore the Active Directory Domain Services pointer" }],
  },
  {
    id: "import-configuration",
    title: "Import topology, policies and configuration settings",
    tools: [{ kind: "cmdlet", cmdlet: "Import-CsConfiguration", reach: "remote" }],
    brings: ["topology"],
    notes: [],
    permissions: ["RTCUniversalServerAdmins"],
    citations: [
      { section: "tools/restoring", row: 5, quote: "Import the topology, policies, and configuration settings" },
    ],
  },
  {
    id: "publish-topology",
    title: "Publish and enable the topology",
    tools: [
      { kind: "setup", what: "Topology Builder", reach: "local" },
      { kind: "cmdlet", cmdlet: "Publish-CsTopology", reach: "local" },
      { kind: "cmdlet", cmdlet: "Enable-CsTopology", reach: "local" },
    ],
    brings: [],
    notes: ["Publish-CsTopology publishes the output of Get-CsTopology, not a .tbxml file of Topology Builder."],
    permissions: ["RTCUniversalServerAdmins", "domain-administrator"],
    citations: [{ section: "tools/restoring", row: 6, quote: "Publish and enable the topology" }],
  },
  {
    id: "enable-topology",
    title: "Enable the last published topology",
    tools: [{ kind: "cmdlet", cmdlet: "Enable-CsTopology", reach: "local" }],
    brings: [],
    notes: [
      "Needs a domain administrator unless setup permission is delegated, and a local administrator of the file share's host.",
    ],
    permissions: ["RTCUniversalServerAdmins", "domain-administrator", "local-administrator"],
    citations: [{ section: "tools/restoring", row: 7, quote: "Enable the last published topology" }],
  },
  {
    id: "reinstall-components",
    title: "Reinstall Lync Server components",
    tools: [
      {
        kind: "setup",
        what: "Lync Server Setup, \\setup\\amd64\\Setup.exe of the installation folder or media",
        reach: "local",
      },
    ],
    brings: [],
    notes: ["Steps 1 to 4 of the Deployment Wizard."],
    permissions: ["RTCUniversalServerAdmins", "local-administrator"],
    citations: [{ section: "tools/restoring", row: 8, quote: "Reinstall Lync Server components" }],
  },
  {
    id: "import-location-information",
    title: "Restore location information",
    tools: [{ kind: "cmdlet", cmdlet: "Import-CsLisConfiguration", reach: "remote" }],
    brings: ["location-information"],
    notes: ["Merges: entries newer than the backup stay."],
    permissions: ["RTCUniversalServerAdmins"],
    citations: [{ section: "tools/restoring", row: 9, quote: "Restore location information (E9-1-1) data (Lis.mdf)" }],
  },
  {
    id: "import-user-data",
    title: "Restore persistent user data",
    tools: [{ kind: "cmdlet", cmdlet: "Import-CsUserData", reach: "remote" }],
    brings: ["user-data"],
    notes: ["The services of all Front End Servers of the pool are stopped before it and started together after it."],
    permissions: ["RTCUniversalServerAdmins"],
    citations: [{ section: "tools/restoring", row: 10, quote: "Restore persistent user data (Rtcxds.mdf)" }],
  },
  {
    id: "import-response-groups",
    title: "Restore Response Group configuration data",
    tools: [{ kind: "cmdlet", cmdlet: "Import-CsRgsConfiguration", reach: "remote" }],
    brings: ["response-groups"],
    notes: [
      "Into a pool without Response Group data, even one of the same name, only with -OverwriteOwner: the contact objects already exist in Active Directory.",
      "Pool settings and the default music on hold come back only with -ReplaceExistingRgsSettings.",
      "Name conflicts fail unless -ResolveNameConflicts is given.",
    ],
    permissions: ["RTCUniversalServerAdmins"],
    citations: [
      { section: "tools/restoring", row: 11, quote: "Restore Response Group configuration data (RgsConfig.mdf)" },
    ],
  },
  {
    id: "restore-databases",
    title: "Restore Archiving and Monitoring databases",
    tools: [{ kind: "sql-server", reach: "remote" }],
    brings: ["archiving", "monitoring-cdr", "monitoring-qoe"],
    notes: ["Afterwards RTCComponentUniversalServices must have the role ServerRole in each of them."],
    permissions: ["sql-backup-operator"],
    citations: [
      { section: "tools/restoring", row: 12, quote: "Restore the following databases" },
      { section: "tools/restoring", row: 12, item: 1, quote: "Archiving database (LcsLog.mdf)" },
      {
        section: "tools/restoring",
        row: 12,
        item: 2,
        quote: "call detail record database (LcsCDR.mdf) and QoE database (QoEMetrics.mdf)",
      },
    ],
  },
  {
    id: "restore-persistent-chat",
    title: "Restore the Persistent Chat database",
    tools: [
      { kind: "sql-server", reach: "remote" },
      { kind: "cmdlet", cmdlet: "Import-CsPersistentChatData", reach: "remote" },
    ],
    brings: ["persistent-chat"],
    notes: [
      "A file of Export-CsPersistentChatData is imported into the database; a backup of SQL Server is restored by SQL Server.",
    ],
    permissions: ["CsPersistentChatAdministrator"],
    citations: [{ section: "tools/restoring", row: 13, quote: "Persistent Chat database (Mgs.mdf)" }],
  },
];
