/** What a pack says of itself to whoever opens it. */
export const PACK_README = `Evidence pack of a provisioning log
===================================

records.ndjson      a line a record: its place (epoch, seq, time_ms), its exact text (body) and its hash; where personal
                    values are disclosed, "pii" lists [pointer, salt, value]. A line with content_hash and no body is a
                    stub: a record that was not asked for and only carries the chain on.
checkpoints.ndjson  signed statements (Ed25519) of where the chain stood
keys.json           the public keys that signed, for information: know the right fingerprint from elsewhere
records.csv         the same records for a spreadsheet; evidence only by its hash in the manifest
report.html         the same for the printer
manifest.json       what was asked for, counts, and the SHA-256 of every file; manifest.sig is its Ed25519 signature
verify.py           thirty lines that check all this without Rollcall: python3 verify.py PACK.zip [KEY.pem]

How to check it by hand
-----------------------
content_hash = SHA-256 of the UTF-8 bytes of body.
hash = SHA-256 of these seven lines, each ended by a line feed: rollcall-link-1, the org, epoch, seq, time_ms, the hash
of the record before in hex, content_hash in hex. Before the first record of all it is 64 zeros.
Where a line does not go on from the one before, it is a stub that a checkpoint names (same epoch, seq and hash), and so
is the last line of each stretch.
A checkpoint's signature is over "rollcall-checkpoint-1", a line feed, and the text of the checkpoint.
A personal value is genuine if the body holds, at its pointer, "c1:" and the base64url SHA-256 of "rollcall-pii-1", a line
feed, the salt, a line feed, and the JSON [pointer, value] with sorted keys and no white space.

What it proves
--------------
Every record in it is genuine and in its place. A full pack (kind "full") also proves that none of its range is missing.
A filtered pack does NOT prove that its filter missed nothing: the stubs only say how many records there are between.
`

/** An outside reader: the standard library of Python 3, and openssl for the signature. */
export const VERIFY_PY = `#!/usr/bin/env python3
"""python3 verify.py PACK.zip [KEY.pem]: checks an evidence pack of a provisioning log."""
import base64, hashlib, json, os, subprocess, sys, tempfile, zipfile
sha = lambda data: hashlib.sha256(data).hexdigest()
pack = zipfile.ZipFile(sys.argv[1])
manifest = json.loads(pack.read("manifest.json"))
for name, file in manifest["files"].items():
    assert sha(pack.read(name)) == file["sha256"], name + " is not the file that the manifest names"
points, newest = set(), None
for line in pack.open("checkpoints.ndjson"):
    newest = json.loads(line)
    said = json.loads(newest["checkpoint"])
    points.add((said["epoch"], said["seq"], said["hash"]))
if len(sys.argv) > 2:
    folder = tempfile.mkdtemp()
    raw = lambda text: base64.urlsafe_b64decode(text + "==")
    for name, data in (("m", b"rollcall-checkpoint-1\\n" + newest["checkpoint"].encode()), ("s", raw(newest["signature"]))):
        open(os.path.join(folder, name), "wb").write(data)
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", sys.argv[2], "-rawin", "-in",
                    folder + "/m", "-sigfile", folder + "/s"], check=True, stdout=subprocess.DEVNULL)
place, count = (0, 0, "0" * 64), 0
for line in pack.open("records.ndjson"):
    r = json.loads(line)
    here, content = (r["epoch"], r["seq"], r["hash"]), sha(r["body"].encode()) if "body" in r else r["content_hash"]
    link = "rollcall-link-1\\n%s\\n%d\\n%d\\n%d\\n%s\\n%s\\n" % (manifest["org"], r["epoch"], r["seq"], r["time_ms"], place[2], content)
    fits = r["seq"] == place[1] + 1 and sha(link.encode()) == r["hash"]
    assert fits or (here in points and "body" not in r and (place in points or not count)), "record %d does not fit" % r["seq"]
    place, count = here, count + 1
assert place in points or not count, "the last record is not signed"
print("%d records and stubs fit, kind %s" % (count, manifest["kind"]))
`
