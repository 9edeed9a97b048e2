"""Files of the data set, and of any address, got whole onto this machine."""

from nwbin.downloads._results import Downloaded, DownloadError, Downloads
from nwbin.downloads._run import download

__all__ = ["DownloadError", "Downloaded", "Downloads", "download"]
