/** Says what is missing, before anything is loaded that would only say that a file is not there. */
export function requireAzureNative(): void {
  try {
    require.resolve("@pulumi/azure-native/package.json");
  } catch (cause) {
    throw new Error(
      "pulumi-backup-posture/azure needs the package @pulumi/azure-native, which is not installed here: npm install @pulumi/azure-native",
      { cause },
    );
  }
}

requireAzureNative();
