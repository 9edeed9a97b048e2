"""Execute the notebooks afresh; with --save keep what they show, with --check look at what is kept.

    python notebooks/run.py [NAME...]           # run them; an error or a warning in any cell fails
    python notebooks/run.py --save [NAME...]    # and write the outputs into the .ipynb
    python notebooks/run.py --check [NAME...]   # run nothing: are the stored outputs whole, small and clean?

With NWBIN_FILE set they run on that session, and warnings are shown in place of failing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
LARGEST = 600_000  # bytes of a notebook
# What tells where a notebook was run: absolute paths, and addresses of objects.
TELLTALE = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|Users|private|var|work|mnt|opt|usr)/\w|[A-Z]:\\\\?Users|0x[0-9a-f]{8,}"
)


def texts(cell: nbformat.NotebookNode) -> str:
    """Return all text that a cell shows."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", ""))
        parts += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
        parts += output.get("traceback", [])
    return "\n".join("".join(part) for part in parts)


def complaints(cell: nbformat.NotebookNode) -> list[str]:
    """Return what a cell wrote to stderr: warnings, mostly."""
    return [one["text"] for one in cell.get("outputs", []) if one.get("name") == "stderr"]


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave out of a notebook what changes from run to run, or from machine to machine."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {name: value for name, value in cell.metadata.items() if name == "tags"}
        for output in cell.get("outputs", []):
            output.pop("metadata", None)
            if output["output_type"] in ("display_data", "execute_result"):
                output["metadata"] = {}
                if "image/png" in output["data"]:
                    output["data"]["text/plain"] = "<Figure>"
    return notebook


def run(path: Path, *, save: bool) -> list[str]:
    """Execute one notebook and return what is wrong with it."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        try:
            client.execute()
        except CellExecutionError as error:
            return [f"{path.name}: {error.ename}: {error.evalue}\nin\n{error.traceback.split('-' * 18)[1]}"]
    print(f"{path.name}: {len(notebook.cells)} cells in {time.perf_counter() - began:.1f} s")
    said = [f"{path.name}, cell {cell.id}: {text}" for cell in notebook.cells for text in complaints(cell)]
    if os.environ.get("NWBIN_FILE"):
        print("".join(said), end="")
        said = []
    if save and not said:
        nbformat.write(cleaned(notebook), path)
        return check(path)
    return said


def check(path: Path) -> list[str]:
    """Return what is wrong with a notebook as it is stored."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    wrong = []
    size = path.stat().st_size
    if size > LARGEST:
        wrong.append(f"{size} bytes are more than {LARGEST}")
    ran = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if ran != list(range(1, len(ran) + 1)):
        wrong.append("it was not run from top to bottom; run it with --save")
    if set(notebook.metadata) - {"kernelspec", "language_info"}:
        wrong.append("there is more metadata than kernelspec and language_info")
    for cell in notebook.cells:
        if re.fullmatch(r"[0-9a-f-]{8,36}", cell.id):
            wrong.append(f"cell {cell.id} has a random id; give it a name")
        if (found := TELLTALE.search(texts(cell) + cell.source)) is not None:
            wrong.append(f"cell {cell.id} shows {found.group()!r}, which belongs to one machine")
        wrong += [f"cell {cell.id} shows a warning: {text}" for text in complaints(cell)]
    return [f"{path.name}: {one}" for one in wrong]


def main() -> int:
    """Do what the command line asks; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks, without .ipynb; all by default")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--save", action="store_true", help="write the outputs into the notebooks")
    what.add_argument("--check", action="store_true", help="only look at the stored outputs")
    args = parser.parse_args()
    if args.save and os.environ.get("NWBIN_FILE"):
        parser.error("NWBIN_FILE is set: what is stored must come from the synthetic session")
    paths = [HERE / f"{name}.ipynb" for name in args.names] or sorted(HERE.glob("*.ipynb"))
    wrong = [one for path in paths for one in (check(path) if args.check else run(path, save=args.save))]
    for one in wrong:
        print(one, file=sys.stderr)
    print(f"{len(paths)} notebooks, {len(wrong)} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
