"""What is needed to publish nwbin agrees with the project: README's links, the conda recipe, the workflow's steps."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import nwbin

ROOT = Path(__file__).parents[1]
# Names that conda-forge has for what pyproject.toml asks for.
ON_CONDA = {"matplotlib": "matplotlib-base", "isal": "python-isal"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def of_the_checkout(name: str) -> Path:
    """A file that is no part of the source distribution."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is in a checkout only")
    return path


def loaded(name: str) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(of_the_checkout(name).read_text(encoding="utf-8"))


# ---------------------------------------------------------------- README


def prose() -> str:
    """README without its blocks of code."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchor(heading: str) -> str:
    """What a heading goes by, as hosting sites make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_links_of_the_readme_lead_somewhere_on_an_index_too() -> None:
    text = prose()
    headings = {anchor(one.strip()) for one in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)}
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text)
    assert links
    for target in links:  # a path would be looked for on the index
        assert (
            target.removeprefix("#") in headings if target.startswith("#") else target.startswith("https://")
        ), target


def test_pictures_of_the_readme_are_there_and_small() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", prose())
    assert pictures
    for said, target in pictures:
        assert said.strip(), f"{target} says nothing to whoever cannot see it"
        assert (ROOT / target).stat().st_size < 150_000


def test_what_the_readme_says_first() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:50]
    places = [next(at for at, line in enumerate(first) if word in line) for word in (
        "For whoever", "![", "nwbin demo", "python -m pytest", "## Ten lines", "import nwbin",
    )]  # fmt: skip
    assert places == sorted(places)


def test_no_address_is_made_up(project: dict[str, Any]) -> None:
    for name, address in project.get("urls", {}).items():
        assert address.startswith("https://"), name
        assert "example" not in address, name
    assert all("example" not in one.get("email", "") for one in project["authors"])


# ---------------------------------------------------------------- the conda recipe


def as_conda(requirement: str) -> str:
    """A requirement as conda has it: without an extra, under its name there."""
    name, bound = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?(>=[\d.]+)", requirement).groups()  # type: ignore[union-attr]
    return f"{ON_CONDA.get(name, name)} {bound}"


def test_the_recipe_asks_for_what_the_project_asks_for(project: dict[str, Any]) -> None:
    recipe = loaded(".conda/recipe.yaml")
    lowest = project["requires-python"].removeprefix(">=")
    assert recipe["context"] == {"version": project["version"], "python_min": lowest}
    assert project["version"] == nwbin.__version__
    run = recipe["requirements"]["run"]
    assert run == ["python >=${{ python_min }}", *map(as_conda, project["dependencies"])]
    extras = project["optional-dependencies"]
    names = re.fullmatch(r"nwbin\[(.*)\]", extras["all"][0])
    assert names is not None
    wanted = {
        as_conda(one)
        for name in names[1].split(",")
        for one in extras[name]
        if not one.startswith("nwbin[")  # another of them
    }
    assert sorted(recipe["requirements"]["run_constraints"]) == sorted(wanted)
    (script,) = project["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(script)]
    built_with = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"][
        "requires"
    ]
    assert {as_conda(one) for one in built_with} <= set(recipe["requirements"]["host"])
    assert (recipe["about"]["license"], recipe["about"]["summary"]) == (
        project["license"],
        project["description"],
    )
    of_tests = [one["requirements"]["run"] for one in recipe["tests"] if "requirements" in one]
    assert of_tests
    assert {one for run in of_tests for one in run} <= wanted


# ---------------------------------------------------------------- the workflow


def test_the_workflow_does_all_that_ci_does() -> None:
    jobs = loaded(".github/workflows/ci.yml")["jobs"]
    text = of_the_checkout(".ci/run").read_text(encoding="utf-8")
    steps = set(re.findall(r"^step_(\w+)\(\)", text, flags=re.MULTILINE))
    asked = [step for line in jobs["linux"]["strategy"]["matrix"]["steps"] for step in line.split()]
    for job in jobs.values():
        for one in job["steps"]:
            asked += re.findall(r"\.ci/run (\w+)", one.get("run", ""))
    assert set(asked) == steps
    versions = re.search(r"^VERSIONS=\(([\d. ]+)\)$", text, flags=re.MULTILINE)
    assert versions is not None
    assert jobs["readme"]["strategy"]["matrix"]["python"] == versions[1].split()


def test_the_workflow_may_only_read_and_hands_nothing_to_a_shell() -> None:
    document = loaded(".github/workflows/ci.yml")
    assert document["permissions"] == {"contents": "read"}
    for name, job in document["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        for one in job["steps"]:
            assert "${{" not in one.get("run", ""), f"{name}: pass it by a variable of the environment"
