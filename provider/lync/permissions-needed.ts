import type { BackupPart } from "./backup-parts";
import { type Permission, type PermissionId, permission } from "./catalogue";

/** What the account that runs a schedule must have, and for which of its sources. */
export interface NeededPermission {
  readonly permission: Permission;
  /** Names of the parts that need it. */
  readonly parts: readonly string[];
}

/** What an account needs to back parts up, in the order of the parts. */
export function listNeededPermissions(parts: readonly BackupPart[]): readonly NeededPermission[] {
  const ids = [...new Set(parts.map(permissionOf))];
  return ids.map((id) => ({
    permission: permission(id),
    parts: parts.filter((part) => permissionOf(part) === id).map(({ name }) => name),
  }));
}

function permissionOf({ subject }: BackupPart): PermissionId {
  switch (subject.kind) {
    case "configuration":
    case "location-information":
    case "response-groups":
    case "user-data":
      return "RTCUniversalServerAdmins";
    case "persistent-chat-export":
      return "CsPersistentChatAdministrator";
    case "database":
      return "sql-backup-operator";
    case "file-store":
      return "file-store-reader";
  }
}
