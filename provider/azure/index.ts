import "./peer";

export { AzureFileShareBackup, type AzureFileShareBackupArgs } from "./resource";
