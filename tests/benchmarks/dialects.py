"""Which reader gets nasty small files right, and how fast is a large one?

    python tests/benchmarks/dialects.py

Claim: `read_csv` gets each of them right, which no other reader does.

Every file of `tests/csv_dialects.py` is read by `read_csv`, by pandas, and by
DuckDB and CleverCSV where they are installed (`pip install duckdb clevercsv`),
each as it sniffs on its own. A reader is right if it returns the names and
cells that were written, or refuses a file that says two things.
"""

import pathlib
import runpy
import tempfile
import time

import _machine
import pandas

from aet_keras import data

CASES = runpy.run_path(str(pathlib.Path(__file__).parents[1] / "dialects.py"))[
    "CASES"
]
REPEATS = 5
ROWS = 200_000


def by_read_csv(path):
    frame = data.read_csv("benchmark", path)
    return [list(frame), *frame.fillna("").values.tolist()]


def by_pandas(path):
    options = {"dtype": str, "keep_default_na": False, "engine": "python"}
    frame = pandas.read_csv(path, sep=None, **options)
    return [list(frame), *frame.values.tolist()]


def by_duckdb(path):
    import duckdb

    query = "select * from read_csv(?, all_varchar=true, header=true)"
    found = duckdb.connect().execute(query, [str(path)])
    names = [column[0] for column in found.description]
    return [names, *([c or "" for c in row] for row in found.fetchall())]


def by_clevercsv(path):
    import clevercsv

    frame = clevercsv.read_dataframe(
        str(path), dtype=str, keep_default_na=False
    )
    return [list(frame), *frame.values.tolist()]


READERS = {
    "read_csv": by_read_csv,
    "pandas": by_pandas,
    "DuckDB": by_duckdb,
    "CleverCSV": by_clevercsv,
}


def judge(read, path, expected):
    """Returns `right`, `refused` or `WRONG`."""
    try:
        got = read(path)
    except ImportError:
        return "-"
    except Exception:
        return "right" if expected is None else "refused"
    if expected is None:
        return "right" if len(got) < 2 else "WRONG"
    return "right" if got == expected else "WRONG"


def compare(path):
    """Prints a line a file, and how many each reader got right."""
    print(f"{'file':38}", *(f"{name:>10}" for name in READERS))
    counts = dict.fromkeys(READERS, 0)
    for name, (raw, expected) in CASES.items():
        path.write_bytes(raw)
        said = {k: judge(read, path, expected) for k, read in READERS.items()}
        print(f"{name:38}", *(f"{word:>10}" for word in said.values()))
        for reader, word in said.items():
            counts[reader] += word == "right"
    print(f"right, of {len(CASES):<28}", end="")
    print(*(f"{count:>10}" for count in counts.values()))


def measure(path):
    """Prints the seconds that a large file takes."""
    line = "{},{},x,y,{},so it goes {}\n"
    rows = (line.format(i, i / 7, i % 3, i) for i in range(ROWS))
    path.write_text("a,b,c,d,e,text\n" + "".join(rows))
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        data.read_csv("benchmark", path)
        seconds.append(time.perf_counter() - start)
    print(f"read_csv, {ROWS} rows of 6 cells: {_machine.spread(seconds)} s")


def main():
    print(_machine.describe())
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.csv"
        compare(path)
        measure(path)


if __name__ == "__main__":
    main()
