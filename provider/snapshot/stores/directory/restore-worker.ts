import { serveBatches } from "./batch-pool";
import { RestoreFiles, type RestoreSetup } from "./restore-files";

serveBatches((setup: RestoreSetup) => new RestoreFiles(setup));
