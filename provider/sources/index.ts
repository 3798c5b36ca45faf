import { openFileShare } from "./file-share";
import type { SourceDeclaration } from "./schema";
import type { Source } from "./source";

/** The source that a declaration describes. Touches nothing yet. */
export function openSource(declaration: SourceDeclaration): Source {
  return openFileShare(declaration);
}
