"""Restores a recovery point of a directory store: restore.py STORE POINT TARGET. docs/store-format.md explains it."""
import glob, hashlib, json, os, struct, subprocess, sys
def part(path, at, size):
    with open(path, "rb") as file: return (file.seek(at), file.read(size))[1]
store, point, target = sys.argv[1:4]
manifest = part(f"{store}/points/{point}.manifest", 0, -1)
def numbers(form, at): return struct.unpack_from("<" + form, manifest, at)
blocks_at, _, packs_at, count = numbers("4Q", len(manifest) - 40)
packs, elsewhere, first_names = dict(numbers("I20x32s", packs_at + 56 * n) for n in range(count)), {}, {}
for path in glob.glob(f"{store}/packs/*.pack"):  # where each content is, should the pack that is named for it not have it
    end = os.path.getsize(path) - 16
    size = 48 * struct.unpack("<Q", part(path, end, 8))[0]
    for digest, at, _ in struct.iter_unpack("<32sQQ", part(path, end - size, size)): elsewhere.setdefault(digest, []).append((path, at))
def read(size, digest, pack, offset):
    for path, at in [(f"{store}/packs/{packs.get(pack, b'').hex()}.pack", offset), *elsewhere.get(digest, [])]:
        content = part(path, at, size) if size and os.path.exists(path) else b""
        if hashlib.sha256(content).digest() == digest: return content
def finish(path, mode, user, group, seconds, nanoseconds):
    if os.geteuid() == 0: os.chown(path, user, group, follow_symlinks=False)
    if not os.path.islink(path): os.chmod(path, mode)
    os.utime(path, ns=(seconds * 10**9 + nanoseconds,) * 2, follow_symlinks=False)
def restore(number, path):
    at = numbers("Q", blocks_at + 48 * number)[0]
    own, left, at = numbers("HIIqI", at), numbers("I", at + 42)[0], at + 46
    for _ in range(left):
        kind, flags, length = numbers("BBH", at)
        fields = numbers(form := {1: "HIIqIQqIQ32sIQ", 2: "I", 3: "HIIqIH"}[kind], at + 4)
        name_at, many = at + 4 + struct.calcsize("<" + form), fields[8:10] if flags & 1 else None
        entry, at = path + b"/" + manifest[name_at:name_at + length], name_at + length + (fields[5] if kind == 3 else 0)
        if os.path.dirname(entry) != path or os.path.normpath(entry) != entry: sys.exit("the manifest is damaged")
        if kind == 2: os.mkdir(entry), restore(fields[0], entry)
        elif kind == 3: os.symlink(manifest[name_at + length:at], entry)
        elif many in first_names: os.link(first_names[many], entry)
        elif (content := read(fields[5], *fields[9:])) is None: print("damaged:", entry)
        else: open(entry, "wb").write(content), first_names.setdefault(many or entry, entry)
        if kind != 2 and os.path.lexists(entry): finish(entry, *fields[:5])
    finish(path, *own)
os.mkdir(target), restore(0, os.fsencode(os.path.abspath(target)))
if dump := json.loads(part(f"{store}/points/{point}.json", 0, -1).split(b"\n")[0])["attributes"]:
    subprocess.run(["setfattr", "-h", "--restore=-"], cwd=target, input=read(dump["size"], bytes.fromhex(dump["digest"]), None, 0))
