/** The products that share these databases and cmdlets, oldest first. */
export const products = ["lync2013", "sfb2015", "sfb2019", "sfbse"] as const;

/** Lync Server 2013; Skype for Business Server 2015, 2019, Subscription Edition. */
export type Product = (typeof products)[number];

/** The two requirement pages: "tools and permissions" and "data". */
export type PageId = "tools" | "data";

/** A requirement page. */
export interface RequirementPage {
  readonly id: PageId;
  readonly title: string;
  readonly publisher: string;
  /** As the page itself gives it: an address, or the asset's id where it gives none. */
  readonly reference: string;
}

/** The tables, lists and paragraphs of the pages that hold requirements. */
export type SectionId =
  | "tools/backing-up"
  | "tools/restoring"
  | "tools/permissions"
  | "data/settings"
  | "data/not-required"
  | "data/databases"
  | "data/file-stores"
  | "data/additional";

/** Where a requirement stands on the pages. */
export interface Citation {
  readonly section: SectionId;
  /** Counted from 1: a table's row without its heading, a list's entry, a paragraph's sentence. */
  readonly row: number;
  /** Counted from 1: the entry of a list within that row. */
  readonly item?: number;
  /** Words of that row, or of that entry, as they stand on the page. */
  readonly quote: string;
}

/** Whether something can be done from another computer, and how. `as-bytes`: only when the result comes back as bytes. */
export type Reach = "remote" | "as-bytes" | "local";

/** How something is copied or brought back. */
export type Tool =
  | { readonly kind: "cmdlet"; readonly cmdlet: string; readonly reach: Reach }
  | { readonly kind: "sql-server"; readonly reach: Reach }
  | { readonly kind: "file-copy"; readonly reach: Reach }
  | { readonly kind: "setup"; readonly what: string; readonly reach: Reach };

export type PermissionId =
  | "RTCUniversalServerAdmins"
  | "CsPersistentChatAdministrator"
  | "CsResponseGroupAdministrator"
  | "local-administrator"
  | "domain-administrator"
  | "sql-backup-operator"
  | "file-store-reader"
  | "file-store-writer";

/** What an account must be a member of, or be granted, to do something. */
export interface Permission {
  readonly id: PermissionId;
  readonly title: string;
  readonly neededFor: string;
  /** Whether the pages state it, other chapters of the same documentation do, or it follows from the tool that is used. */
  readonly basis: "page" | "documentation" | "tool";
  readonly citations: readonly Citation[];
}

/** When something is to be backed up. */
export interface Occasion {
  readonly regular: "with-regular-backups" | "more-often" | "daily" | "as-regulation-demands" | "business-critical";
  /** The changes after which the pages ask for another backup; empty where they ask for none. */
  readonly afterChangesOf: readonly ("topology" | "policies" | "response-groups")[];
  readonly advice: string;
}

/** Something of Lync Server's that is backed up. */
export interface BackupItem {
  readonly id: BackupItemId;
  readonly title: string;
  /** File names of the databases, as they really are; empty for file stores. */
  readonly databases: readonly string[];
  readonly whereStored: string;
  /** How many copies there are to be taken. */
  readonly scope: "deployment" | "pool" | "database" | "file-store";
  readonly backupTools: readonly Tool[];
  readonly restoreTools: readonly Tool[];
  readonly when: Occasion;
  readonly why: string;
  /** What the copy does not hold, or must leave out. */
  readonly exceptions: readonly string[];
  readonly products: readonly Product[];
  readonly citations: readonly Citation[];
}

export type BackupItemId =
  | "topology"
  | "location-information"
  | "response-groups"
  | "user-data"
  | "archiving"
  | "monitoring-cdr"
  | "monitoring-qoe"
  | "persistent-chat"
  | "lync-file-store"
  | "archiving-file-store"
  | "persistent-chat-file-store";

/** Data of Lync Server's that the pages say need not be backed up. */
export interface TransientData {
  readonly id: TransientDataId;
  readonly title: string;
  readonly databases: readonly string[];
  readonly reason: string;
  /** What must hold for that to be true; null: nothing. */
  readonly condition: "compliance-adapter-configured" | null;
  readonly products: readonly Product[];
  readonly citations: readonly Citation[];
}

export type TransientDataId =
  | "transient-user-data"
  | "address-book"
  | "call-park-dynamic"
  | "response-group-dynamic"
  | "persistent-chat-compliance";

/** Something that is not Lync Server's own, and without which it cannot be restored. */
export interface OutsideRequirement {
  readonly id: OutsideRequirementId;
  readonly title: string;
  readonly holds: readonly string[];
  readonly how: string;
  readonly why: string;
  /** `optional`: the pages leave it to the organisation. `conditional`: only where the topology has what it serves. */
  readonly need: "always" | "conditional" | "optional";
  /** Whether its backup must be of the same time as Lync Server's. */
  readonly sameTime: boolean;
  readonly notes: readonly string[];
  readonly basis: "page" | "documentation";
  readonly citations: readonly Citation[];
}

export type OutsideRequirementId =
  | "active-directory"
  | "certificates"
  | "operations-manager"
  | "pstn-gateways"
  | "coexisting-versions"
  | "infrastructure"
  | "exchange"
  | "high-definition-photos"
  | "unified-contact-store"
  | "exchange-archiving"
  | "application-audio";

/** One line of the restoration table. */
export interface RestorationStep {
  readonly id: RestorationStepId;
  readonly title: string;
  readonly tools: readonly Tool[];
  readonly brings: readonly BackupItemId[];
  readonly notes: readonly string[];
  readonly permissions: readonly PermissionId[];
  readonly citations: readonly Citation[];
}

export type RestorationStepId =
  | "build-computer"
  | "restore-file-store"
  | "create-databases"
  | "set-store-location"
  | "import-configuration"
  | "publish-topology"
  | "enable-topology"
  | "reinstall-components"
  | "import-location-information"
  | "import-user-data"
  | "import-response-groups"
  | "restore-databases"
  | "restore-persistent-chat";

/** What the pages say about restored contacts when Exchange holds, or held, them. */
export interface ContactStoreScenario {
  readonly id: "migrated-since-backup" | "rolled-back-since-backup";
  readonly situation: string;
  readonly effect: string;
  /** Null: nothing has to be done. */
  readonly action: string | null;
  readonly citations: readonly Citation[];
}

/** A mistake or an omission of the pages, and what is right. */
export interface Correction {
  readonly id: string;
  readonly says: string;
  readonly correct: string;
  /** Empty: it stands on another page of the same documentation. */
  readonly citations: readonly Citation[];
}
