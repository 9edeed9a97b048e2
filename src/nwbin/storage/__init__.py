"""Where a file's bytes come from, and what HDF5 makes of them; nothing here knows of NWB."""
