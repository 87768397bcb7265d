#!/usr/bin/env python3
"""Checks a proof of `revkeep audit prove ID --json`, without Revkeep and without the database.

    audit-verify.py PROOF.json PUBLIC_KEY...

The public keys come from `revkeep audit keys`, printed when they were made and kept apart from the
machine. Exit code 0: the entry that is printed stood in the log. docs/audit.md is the specification.
"""
import hashlib, json, struct, sys, uuid
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NAMES = ("tenant_id at audit_id actor_kind actor_id action outcome resource_type resource_id "
         "request_id code detail_sealed origin_sealed xid").split()
READ = {2950: lambda b: uuid.UUID(bytes=b), 25: bytes.decode, 17: bytes.hex,
        1184: lambda b: datetime(2000, 1, 1) + timedelta(microseconds=struct.unpack(">q", b)[0]),
        5069: lambda b: struct.unpack(">Q", b)[0]}


def check(holds, otherwise):
    if not holds:
        sys.exit(f"NOT PROVEN: {otherwise}")


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf, at, last, path):  # RFC 9162 section 2.1.3.2
    for step in path:
        check(0 <= at <= last and last > 0, "the path does not fit the tree")
        if at % 2 or at == last:
            leaf = node(step, leaf)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            leaf = node(leaf, step)
        at, last = at >> 1, last >> 1
    return leaf if at == last == 0 else b""


def columns(stored):
    offset = 4  # after the number of columns
    for name in NAMES[:struct.unpack_from(">i", stored)[0]]:
        kind, length = struct.unpack_from(">Ii", stored, offset)
        offset += 8 + max(length, 0)
        yield name, None if length < 0 else READ[kind](stored[offset - length:offset])


proof, trusted = json.load(open(sys.argv[1])), sys.argv[2:]
stored, text = bytes.fromhex(proof["stored"]), proof["head"]["statement"]
head = dict(line.split(" ", 1) for line in text.splitlines()[1:])
check(head["key"] in trusted, "the head names a key that is not trusted")
Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["key"])).verify(
    bytes.fromhex(proof["head"]["signature"]), text.encode())
leaf, path = hashlib.sha256(b"\x00" + stored).digest(), map(bytes.fromhex, proof["path"])
check(root(leaf, proof["position"], int(head["size"]) - 1, path).hex() == head["root"], "not in this tree")
for name, value in columns(stored):
    print(f"{name:14} {value}")
