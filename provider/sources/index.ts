import { openCommand } from "./command";
import { openFileShare } from "./file-share";
import { openLyncExport } from "./lync-export";
import { openLyncFileStore } from "./lync-file-store";
import type { SourceDeclaration } from "./schema";
import { openSmbShare } from "./smb-share";
import type { Source } from "./source";
import { openSqlServer } from "./sql-server";

/** The source that a declaration describes. Touches nothing yet. */
export function openSource(declaration: SourceDeclaration): Source {
  switch (declaration.kind) {
    case "file-share":
      return openFileShare(declaration);
    case "smb-share":
      return openSmbShare(declaration);
    case "command":
      return openCommand(declaration);
    case "lync-export":
      return openLyncExport(declaration);
    case "lync-file-store":
      return openLyncFileStore(declaration);
    case "sql-server":
      return openSqlServer(declaration);
  }
}
