import { serveBatches } from "./batch-pool";
import { ContentCheck, type ContentCheckSetup } from "./content-check";

serveBatches((setup: ContentCheckSetup) => new ContentCheck(setup));
