import { serveBatches } from "./batch-worker";
import { ContentCheck, type ContentCheckSetup } from "./content-check";

serveBatches((setup: ContentCheckSetup) => new ContentCheck(setup));
