"""NWB 2 files as they are: tables, spike trains, signals; typed, nothing filtered."""
