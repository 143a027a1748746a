"""Ships the assets inside the package; everything else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithAssets(build_py):
    """In a checkout the assets lie beside the package, in a wheel inside it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "studio" / "assets"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("assets", target, ignore=shutil.ignore_patterns("screenshots"))


setup(cmdclass={"build_py": BuildWithAssets})
