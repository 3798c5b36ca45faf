import { serveBatches } from "./batch-worker";
import { RestoreFiles, type RestoreSetup } from "./restore-files";

serveBatches((setup: RestoreSetup) => new RestoreFiles(setup));
