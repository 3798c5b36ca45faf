// `npm run test:azure`: the Azure Files store's conformance suite on a real share, where the environment names one.
import { join } from "node:path";
import { run } from "./set-up/processes.mjs";
import { root, runMain, say, setUp } from "./set-up/set-up.mjs";

const needed = {
  AZURE_FILES_TEST_ACCOUNT: "a storage account",
  AZURE_FILES_TEST_SHARE:
    "a share of it, for nothing else: the suite makes and deletes folders and snapshots there, and shares posture-test-…",
};

runMain(async () => {
  const missing = Object.entries(needed).filter(([variable]) => (process.env[variable] ?? "") === "");
  if (missing.length > 0) {
    say("The suite for a real Azure file share DID NOT RUN: nothing was tested on Azure.");
    for (const [variable, what] of missing) say(`  ${variable} has to name ${what}`);
    say("  and, where DefaultAzureCredential finds no credential, AZURE_FILES_TEST_CONNECTION_STRING the account's.");
    return 0;
  }
  await setUp();
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const chosen = ["--testMatch", "**/test/azure/*.azure.ts", "--testTimeout", "600000", "--runInBand"];
  return await run([process.execPath, ...flags, jest, ...chosen], { cwd: root, env: process.env });
});
