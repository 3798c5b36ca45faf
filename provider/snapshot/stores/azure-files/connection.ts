import { PostureError } from "../../../platform/errors";
import { resolveSecret } from "../../../platform/secrets";
import { defaultPatience, type Patience, Requests } from "./requests";
import { type AzureFilesDeclaration, catalogueOf, endpointOf } from "./schema";
import type { ShareClient, ShareServiceClient } from "./sdk";

/** The way to one account. */
export interface Connection {
  /** As messages name the share. */
  readonly subject: string;
  readonly requests: Requests;
  readonly service: ShareServiceClient;
  /** The share that is backed up. */
  readonly share: ShareClient;
  /** The share that holds the manifests. */
  readonly catalogue: ShareClient;
}

/**
 * Makes clients for the declared shares; nothing is sent yet. The SDK is loaded here only, and its own retries are off: it repeats what must
 * not be done twice, and does not wait as long as the service asks it to.
 *
 * @throws PostureError `permanent` for a reference to a secret that is not there, or holds something else.
 */
export async function connect(declaration: AzureFilesDeclaration, patience: Partial<Patience>): Promise<Connection> {
  const subject = `Azure share ${declaration.account}/${declaration.share}`;
  const service = await openService(declaration, subject);
  return {
    subject,
    requests: new Requests(subject, { ...defaultPatience, ...patience }),
    service,
    share: service.getShareClient(declaration.share),
    catalogue: service.getShareClient(catalogueOf(declaration)),
  };
}

async function openService(declaration: AzureFilesDeclaration, subject: string): Promise<ShareServiceClient> {
  const { ShareServiceClient, StorageSharedKeyCredential } = await import("@azure/storage-file-share");
  const options = { retryOptions: { maxTries: 1 } };
  const { credential, account } = declaration;
  const endpoint = endpointOf(declaration);
  switch (credential?.kind) {
    case undefined: {
      const { DefaultAzureCredential } = await import("@azure/identity");
      return new ShareServiceClient(endpoint, new DefaultAzureCredential(), {
        ...options,
        fileRequestIntent: "backup",
      });
    }
    case "connection-string": {
      const text = await resolveSecret(credential.connectionString, `${subject}: its connection string`);
      const service = understand(subject, "connection string", () =>
        ShareServiceClient.fromConnectionString(text, options),
      );
      if (service.accountName === account) return service;
      throw new PostureError("permanent", `${subject}: the connection string is that of another account`);
    }
    case "sas": {
      const text = await resolveSecret(credential.sas, `${subject}: its shared access signature`);
      return new ShareServiceClient(`${endpoint}?${text.replace(/^\?/, "")}`, undefined, options);
    }
    case "account-key": {
      const text = await resolveSecret(credential.accountKey, `${subject}: its account key`);
      return understand(
        subject,
        "account key",
        () => new ShareServiceClient(endpoint, new StorageSharedKeyCredential(account, text), options),
      );
    }
  }
}

/** The SDK's own messages may hold what it was given. */
function understand<Result>(subject: string, what: string, read: () => Result): Result {
  try {
    return read();
  } catch {
    throw new PostureError("permanent", `${subject}: what is referred to as its ${what} is none`);
  }
}
