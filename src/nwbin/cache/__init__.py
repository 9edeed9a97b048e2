"""What is kept on this disk of files on servers, and indexes of such files.

What is fetched from ``http(s)://``, ``s3://`` and ``dandi://`` addresses is kept in a folder of the user's, up to 10 GB
(``NWBIN_CACHE_SIZE``, ``NWBIN_CACHE_DIR``), and not fetched again as long as the server names the same ETag and size,
for which it is asked at each opening. Of servers that name none, or a weak one, nothing is kept.
"""

from nwbin.cache._indexes import add_index, write_index
from nwbin.cache._store import Cache, CachedFile, clear, status, use

__all__ = ["Cache", "CachedFile", "add_index", "clear", "status", "use", "write_index"]
