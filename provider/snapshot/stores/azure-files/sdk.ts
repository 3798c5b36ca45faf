/** The SDK's types, as the module that is loaded lazily has them. */
export type {
  ShareClient,
  ShareDirectoryClient,
  ShareFileClient,
  ShareServiceClient,
} from "@azure/storage-file-share" with { "resolution-mode": "import" };
