import type { RequirementPage } from "./types";

/** The two pages that every entry of the catalogue cites. */
export const pages: readonly RequirementPage[] = [
  {
    id: "tools",
    title: "Backup and restoration requirements in Lync Server 2013: tools and permissions",
    publisher: "MicrosoftDocs",
    reference: "https://technet.microsoft.com/en-us/library/Hh202171(v=OCS.15)",
  },
  {
    id: "data",
    title: "Backup and restoration requirements in Lync Server 2013: data",
    publisher: "MicrosoftDocs",
    reference: "asset ecfb8e4d-cb4f-476d-9772-4486bd683c04",
  },
];
