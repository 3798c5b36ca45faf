import type { Correction } from "./types";

/** Where the pages are wrong or leave something out that matters. */
export const corrections: readonly Correction[] = [
  {
    id: "mgd-is-mgc",
    says: "The Persistent Chat database is mgd.mdf.",
    correct: "It is Mgc.mdf, as on the tools page; mgd is a typing error.",
    citations: [{ section: "data/databases", row: 4, quote: "mgd.mdf" }],
  },
  {
    id: "mgs-is-mgc",
    says: "The Persistent Chat database that is restored is Mgs.mdf.",
    correct: "It is Mgc.mdf, as in the table of backup tools; Mgs is a typing error.",
    citations: [{ section: "tools/restoring", row: 13, quote: "Mgs.mdf" }],
  },
  {
    id: "location-information-remotely-as-bytes",
    says: "All the commands that back up Lync Server can be run remotely.",
    correct: "Export-CsLisConfiguration works through a remote session only with -AsBytes.",
    citations: [{ section: "tools/backing-up", row: 2, quote: "Export-CsLisConfiguration" }],
  },
  {
    id: "front-ends-stop-for-user-data",
    says: "Persistent user data is restored by Import-CsUserData.",
    correct:
      "The services of all Front End Servers of the pool must be stopped before it, and started together after it.",
    citations: [{ section: "tools/restoring", row: 10, quote: "Import-CsUserData" }],
  },
  {
    id: "compliance-is-conditional",
    says: "The compliance database for Persistent Chat is considered transient.",
    correct: "Only as long as an adapter is configured that reads it; without one it holds what exists nowhere else.",
    citations: [
      {
        section: "data/not-required",
        row: 5,
        quote: "Hence the compliance database for Persistent Chat is considered transient",
      },
    ],
  },
  {
    id: "certificates-are-imported",
    says: "Certificate and private key are backed up, and then exported when Lync Server is restored.",
    correct: "They are exported for the backup, and imported when Lync Server is restored.",
    citations: [
      {
        section: "data/additional",
        row: 2,
        quote: "and then export them if you use the procedures in this document to restore",
      },
    ],
  },
  {
    id: "reach-of-restoration-not-given",
    says: "The restoration table specifies which commands need to be run locally.",
    correct:
      "It does not. Setup, Topology Builder, Publish-CsTopology and Enable-CsTopology are planned on the computer itself.",
    citations: [{ section: "tools/restoring", row: 8, quote: "Lync Server Setup" }],
  },
  {
    id: "worksheet-names",
    says: "The worksheet of the same documentation calls the user database Rtc and its exports .xml files.",
    correct: "The database is Rtcxds.mdf, and the exports are ZIP files.",
    citations: [],
  },
];
