import { PostureError } from "../platform/errors";
import { listExcluded, openFileShare } from "./file-share";
import type { SourceDeclaration } from "./schema";
import { probeShare, type SmbConnection } from "./smb-client";
import { updateMirror } from "./smb-mirror";
import type { Source } from "./source";

type SmbShare = Extract<SourceDeclaration, { kind: "smb-share" }>;

const defaultTimeout = "4h";

/**
 * A share of a Windows or Samba server. On Windows it is read where it stands, by the runner's own account; elsewhere smbclient keeps a mirror of it in the
 * posture home, signed and encrypted on the way, and only what changed is fetched. A mirror has contents and times, and neither owners nor ACLs.
 */
export function openSmbShare(declaration: SmbShare): Source {
  if (process.platform === "win32") return openInPlace(declaration);
  return {
    kind: "smb-share",
    probe: async (signal) => probeShare(connect(declaration), signal),
    gather: async (staging, signal) => {
      const exclude = listExcluded(declaration);
      const { tree, notes } = await updateMirror(connect(declaration), exclude, await staging.keepFolder(), signal);
      return { tree: { root: tree, exclude: [], contentOnly: true }, notes };
    },
  };
}

function openInPlace({ share, path, exclude, workload }: SmbShare): Source {
  const within = path === undefined ? "" : `\\${path}`;
  const unc = `${share}${within}`.replaceAll("/", "\\");
  const optional = { ...(exclude === undefined ? {} : { exclude }), ...(workload === undefined ? {} : { workload }) };
  return { ...openFileShare({ kind: "file-share", path: unc, ...optional }), kind: "smb-share" };
}

function connect({ share, path = "", port, credentials, timeout = defaultTimeout }: SmbShare): SmbConnection {
  const name = share.replaceAll("\\", "/");
  if (credentials === undefined)
    throw new PostureError("permanent", `share ${name}: smbclient needs credentials; declare them`);
  const within = path.replaceAll("\\", "/").replace(/^\/+|\/+$/g, "");
  return { share: name, path: within, port, credentials: credentials.file, timeout };
}
