"""Read Visual Coding - Neuropixels recordings (NWB files) and count their spikes.

    session = nwbin.open("session_715093703.nwb")     a path, or an address
    session.units, session.stimulus_presentations     tables, as AllenSDK's
    flashes = session.get_stimulus_table("flashes")
    session.response_matrix(flashes, label="color")   X (trials, units), y (trials,)

Ways in, by how much they know of a recording:

    open, Session     a session: AllenSDK's names, filters and answers; and
                      psth, tuning, receptive_fields, ...
    File              any NWB 2 file as it is, nothing filtered
    Dataset           many sessions: their tables, and jobs over all of them
    SpikeTrains       spike times of many units; a dictionary of arrays does, too
    bin_spikes        counts in bins around onsets: arrays in, arrays out
                      (iter_bin_spikes: block by block; bin_spikes_sparse)
    count_in_windows, align_spikes, correlograms
                      windows with gaps; the spikes themselves; pairs of units
    AlignedSpikes, Correlograms, ResponseMatrix
                      what some of these return
    download, files   released sessions: onto this disk, and which there are
    NwbinError, NwbinWarning
                      what is raised and warned; by kind in nwbin.errors

Modules, each loaded when it is first used:

    responses         labelled counts, and answers: psth, tuning, latency, ...
    metrics           metrics of units; describe() says what a column means
    decode            cross-validated linear discriminant analysis
    plot              pictures of all of these
    export            files; select() and tidy() for tables that hold "null"
    check             everything that is wrong with a file
    testing           synthetic sessions: write_session("session.nwb")
    exchange          objects of pynapple, Neo, SpikeInterface, PyTorch, polars
    report            sessions as pages for a browser
    cache             what is kept here of sessions on servers
    binning, dataset, downloads, errors

A bin is [a, b) by default; what has AllenSDK's name has AllenSDK's rule, and
closed= changes either. Times are in seconds. Go on with help(nwbin.open),
help(nwbin.Session.psth), help(nwbin.responses), and nwbin --help in a shell.
"""

# The public names are resolved on first use, so that ``import nwbin`` costs next to nothing and a program that only
# counts arrays never loads pandas or HDF5. There is no __all__: help() would write out in full whatever it names,
# and ``import *`` would put nwbin's open in the place of Python's.
#
# ``python -m nwbin`` runs this with the current folder, where files lie and not programs, first on the import path:
# nothing is imported here, nor from __future__, that Python has not loaded for any ``-m`` by then.
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nwbin import testing as testing
    from nwbin.allen.released_files import files as files
    from nwbin.binning import AlignedSpikes as AlignedSpikes
    from nwbin.binning import Correlograms as Correlograms
    from nwbin.binning import align_spikes as align_spikes
    from nwbin.binning import bin_spikes as bin_spikes
    from nwbin.binning import bin_spikes_sparse as bin_spikes_sparse
    from nwbin.binning import correlograms as correlograms
    from nwbin.binning import count_in_windows as count_in_windows
    from nwbin.binning import iter_bin_spikes as iter_bin_spikes
    from nwbin.dataset import Dataset as Dataset
    from nwbin.downloads import download as download
    from nwbin.errors import NwbinError as NwbinError
    from nwbin.errors import NwbinWarning as NwbinWarning
    from nwbin.nwb.file import File as File
    from nwbin.responses.matrix import ResponseMatrix as ResponseMatrix
    from nwbin.session import Session as Session
    from nwbin.session import open as open
    from nwbin.trains import SpikeTrains as SpikeTrains

__version__ = "0.1.0"

# public name -> the module it lives in
_HOME = {
    "AlignedSpikes": "nwbin.binning",
    "Correlograms": "nwbin.binning",
    "Dataset": "nwbin.dataset",
    "File": "nwbin.nwb.file",
    "NwbinError": "nwbin.errors",
    "NwbinWarning": "nwbin.errors",
    "ResponseMatrix": "nwbin.responses.matrix",
    "Session": "nwbin.session",
    "SpikeTrains": "nwbin.trains",
    "align_spikes": "nwbin.binning",
    "bin_spikes": "nwbin.binning",
    "iter_bin_spikes": "nwbin.binning",
    "bin_spikes_sparse": "nwbin.binning",
    "correlograms": "nwbin.binning",
    "count_in_windows": "nwbin.binning",
    "download": "nwbin.downloads",
    "files": "nwbin.allen.released_files",
    "open": "nwbin.session",
}
_MODULES = (
    "binning",
    "cache",
    "check",
    "dataset",
    "decode",
    "downloads",
    "errors",
    "exchange",
    "export",
    "metrics",
    "plot",
    "report",
    "responses",
    "testing",
)


def __getattr__(name: str) -> "Any":
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"nwbin.{name}")
    raise AttributeError(f"module 'nwbin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})
