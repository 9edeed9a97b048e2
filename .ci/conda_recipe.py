"""Parse and render a conda recipe, for each system: what conda would have to build. Nothing is built, or fetched."""

# ruff: noqa: T201
from __future__ import annotations

import sys

from rattler_build import PlatformConfig, RenderConfig, Stage0Recipe, VariantConfig

if __name__ == "__main__":
    recipe = Stage0Recipe.from_file(sys.argv[1])
    for system in ("linux-64", "osx-arm64", "win-64"):
        for one in recipe.render(VariantConfig(), RenderConfig(PlatformConfig(target_platform=system))):
            made = one.recipe() if callable(one.recipe) else one.recipe
            found = made.to_dict()
            assert found["build"]["noarch"] == "python"
            print(f"{system}: {made}: {', '.join(found['requirements']['run'])}")
