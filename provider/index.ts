/** Backup posture as code: what a Pulumi program imports. */
export {
  LyncBackupPosture,
  type LyncBackupPostureArgs,
  type LyncTierArgs,
  type SchedulePermission,
} from "./lync/resource";
export type { TopologyArgs } from "./lync/topology";
export { BackupPostureProvider, type BackupPostureProviderArgs } from "./posture-provider";
export { RestoreTarget, type RestoreTargetArgs } from "./restore/resource";
export { BackupSchedule, type BackupScheduleArgs, type WatchedScheduleArgs } from "./schedule/resource";
export { FileShareSnapshot, type FileShareSnapshotArgs } from "./snapshot/resource";
