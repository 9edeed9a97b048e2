"""Folders that are served as S3 and as the DANDI archive have them, and as a plain web server has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.remote.server import Asked, Server, serving

__all__ = ["ASSETS", "listed_as_s3", "serving_dandi", "serving_s3"]

ASSETS = "00000000-0000-4000-8000-{:012d}"  # numbers of assets


def _tag(held: bytes | Path) -> str:
    content = held if isinstance(held, bytes) else held.read_bytes()
    return f'"{hashlib.md5(content).hexdigest()}"'


def _size(held: bytes | Path) -> int:
    return len(held) if isinstance(held, bytes) else held.stat().st_size


def listed_as_s3(server: Server, one: Asked, most: int = 3, *, backwards: bool = False) -> bytes | None:
    """What S3 says of the objects in a bucket, a few at a time: behind a key, or directly in a folder, if asked so.

    backwards : as it does not: the last first.
    """
    asked = {name: values[0] for name, values in parse_qs(one.query).items()}
    if asked.get("list-type") != "2":
        return None
    bucket, prefix = one.path.strip("/"), asked.get("prefix", "")
    keys = [path[len(bucket) + 1 :] for path in server.files if path.startswith(f"{bucket}/{prefix}")]
    keys.sort(reverse=backwards)
    keys = [key for key in keys if key > asked.get("start-after", "")]
    folders: list[str] = []
    if "delimiter" in asked:
        rest = [key[len(prefix) :] for key in keys]
        folders = sorted(
            {prefix + one.partition("/")[0] + "/" for one in rest if "/" in one}, reverse=backwards
        )
        keys = [prefix + one for one in rest if "/" not in one]
    begin = int(asked.get("continuation-token", "0"))
    some, more = keys[begin : begin + most], begin + most < len(keys)
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>{escape(server.tags[f'{bucket}/{key}'])}</ETag><Size>{_size(server.files[f'{bucket}/{key}'])}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in some
    )
    contents += "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in folders)
    token = f"<NextContinuationToken>{begin + most}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(some)}</KeyCount><MaxKeys>{most}"
        f"</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{contents}{token}</ListBucketResult>"
    ).encode()


@contextmanager
def serving_s3(files: dict[str, bytes | Path], **how: Any) -> Iterator[Server]:
    """Serve objects by ``bucket/key``."""
    tags = {path: _tag(held) for path, held in files.items()}
    with serving(files=dict(files), tags=tags, **how) as server:
        server.answer = lambda one: listed_as_s3(server, one)
        yield server


@contextmanager
def serving_dandi(files: dict[str, bytes | Path], *, digests: bool = True) -> Iterator[Server]:
    """Serve the files of dandiset 000021, version 0.1, by their paths; the API lies under ``/api``.

    Folders whose names end in .zarr are each one asset, with an address below which its files lie.
    """
    paths = sorted({path.partition(".zarr/")[0] + ".zarr" * (".zarr/" in path) for path in files})
    blobs: dict[str, bytes | Path] = {}
    for number, path in enumerate(paths):
        if path in files:
            blobs[f"blobs/{number}"] = files[path]
        inside = [one for one in files if one.startswith(f"{path}/")]
        blobs |= {f"zarr/{number}/{one[len(path) + 1 :]}": files[one] for one in inside}

    def of_store(number: int) -> list[bytes | Path]:
        return [held for place, held in server.files.items() if place.startswith(f"zarr/{number}/")]

    with serving(files=blobs, tags={path: _tag(held) for path, held in blobs.items()}) as server:

        def about(number: int) -> dict[str, Any]:
            own = f"{server.address}/api/assets/{ASSETS.format(number)}/download/"
            if paths[number] not in files:
                checksum = hashlib.md5("".join(map(_tag, of_store(number))).encode()).hexdigest()
                return {
                    "identifier": ASSETS.format(number), "path": paths[number],
                    "contentSize": sum(map(_size, of_store(number))), "encodingFormat": "application/x-zarr",
                    "digest": {"dandi:dandi-zarr-checksum": checksum} if digests else {},
                    "contentUrl": [own, server.url(f"zarr/{number}/")],
                }  # fmt: skip
            held = files[paths[number]]
            content = held if isinstance(held, bytes) else held.read_bytes()
            digest = {"dandi:dandi-etag": "0-1"}
            if digests:
                digest["dandi:sha2-256"] = hashlib.sha256(content).hexdigest()
            return {
                "identifier": ASSETS.format(number), "path": paths[number], "contentSize": len(content),
                "digest": digest, "contentUrl": [own, server.url(f"blobs/{number}")],
            }  # fmt: skip

        def answer(one: Asked) -> bytes | None:
            asked = {name: values[0] for name, values in parse_qs(one.query).items()}
            parts = one.path.strip("/").split("/")
            if parts[0] != "api":
                return None
            if parts[1] == "assets":
                return json.dumps(about(int(parts[2][-12:]))).encode()
            if len(parts) == 3:
                return json.dumps({"most_recent_published_version": {"version": "0.1"}}).encode()
            assert parts[:5] == ["api", "dandisets", "000021", "versions", "0.1"], parts
            number, most = int(asked.get("page", "1")), 2
            found = [
                {
                    "asset_id": ASSETS.format(at), "path": path,
                    "size": _size(files[path]) if path in files else sum(map(_size, of_store(at))),
                    "zarr": None if path in files else f"of {at}",
                    **({"metadata": about(at)} if "metadata" in asked else {}),
                }
                for at, path in enumerate(paths)
                if path.startswith(asked.get("path", ""))
            ]  # fmt: skip
            some = found[(number - 1) * most : number * most]
            after = "https://elsewhere.invalid/" if number * most < len(found) else None
            return json.dumps({"count": len(found), "next": after, "results": some}).encode()

        server.answer = answer
        yield server
