"""Which server S3 is, and whether it is asked with a signature."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from nwbin.errors import FileAccessError

__all__ = ["S3Settings", "bucket_and_key", "s3_settings"]


class S3Settings(NamedTuple):
    """What the environment says.

    Attributes
    ----------
    signed
        Whether requests are signed with the credentials of the environment.
    server
        Another server than Amazon's; None if not.
    """

    signed: bool
    server: str | None

    @property
    def plain(self) -> bool:
        """Whether it is asked without encryption."""
        return self.server is not None and self.server.startswith("http://")

    def place(self, bucket: str) -> str:
        """The web address of a bucket, under which S3 finds its region by itself."""
        if self.server is not None:
            return f"{self.server.rstrip('/')}/{bucket}"
        if "." in bucket:  # for which the certificate does not hold
            return f"https://s3.amazonaws.com/{bucket}"
        return f"https://{bucket}.s3.amazonaws.com"

    def options(self, bucket: str) -> dict[str, Any]:
        """What obstore is told of a bucket."""
        if self.signed:
            return {"endpoint": self.server} if self.server else {}
        own_name = self.server is None and "." not in bucket
        place = self.place(bucket)
        return {
            "skip_signature": True,
            "virtual_hosted_style_request": own_name,
            "endpoint": place if own_name else place.rpartition("/")[0],
        }


def s3_settings() -> S3Settings:
    """Return what the environment says of S3."""
    server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    anonymous = os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in ("true", "1", "yes")
    return S3Settings(bool(os.environ.get("AWS_ACCESS_KEY_ID")) and not anonymous, server)


def bucket_and_key(address: str, name: str, *, of: str = "file") -> tuple[str, str]:
    """Return what a ``s3://bucket/key`` address names; a folder may be the whole bucket."""
    bucket, _, key = address.partition("://")[2].partition("/")
    if not bucket or (of == "file" and not key):
        example = "s3://bucket/path/of/file.nwb" if of == "file" else "s3://bucket/folder/"
        raise FileAccessError(f"{name}: names no {of}; it should be {example}")
    return bucket, key
