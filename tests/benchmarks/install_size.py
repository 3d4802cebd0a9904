"""What does an install take on the disk?

README names the figures of `pip install .` and of `pip install ".[cli]"`.

    python tests/benchmarks/install_size.py [EXTRA ...]

A row is an empty virtual environment that the package was installed in, with
the extras of its name: megabytes of its files, the number of its packages, and
the three largest of them. pip itself is left out.
"""

import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile
import venv

import _machine

PIP = ("pip", "--quiet", "--disable-pip-version-check")


def measure(extra):
    """Returns bytes by the top folder of an environment, packages counted."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder)
        target = f"{_machine.ROOT}[{extra}]" if extra else str(_machine.ROOT)
        command = [sys.executable, "-m", *PIP, f"--python={folder}/bin/python"]
        subprocess.run([*command, "install", target], check=True)
        (site,) = pathlib.Path(folder).glob("lib/python*/site-packages")
        sizes = collections.Counter()
        for path in site.rglob("*"):
            if path.is_file() and not path.is_symlink():
                sizes[path.relative_to(site).parts[0]] += path.stat().st_size
        return sizes, len([*site.glob("*.dist-info")])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*", default=["", "cli"])
    print(f"{'install':24} {'MB':>6} {'packages':>9}  largest")
    for extra in parser.parse_args().extras:
        sizes, count = measure(extra)
        largest = ", ".join(
            f"{name} {size / 1e6:.0f}" for name, size in sizes.most_common(3)
        )
        name = f"aet-keras[{extra}]" if extra else "aet-keras"
        print(
            f"{name:24} {sum(sizes.values()) / 1e6:6.0f} {count:9}  {largest}",
            flush=True,
        )


if __name__ == "__main__":
    main()
