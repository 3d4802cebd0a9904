"""Small CSV files that are hard to read, and the rows that they hold.

Each case is the bytes of a file and its rows, the names of the columns first;
`None` where a file must be refused, because it says two things or is damaged.
"""

LETTER = "Größe"
NUMBERS = [["x", "n", "y"], ["1,5", "234", "ja"], ["2,25", "7", "nein"]]
PLAIN = [["age", "city"], ["33", "Rome"], ["41", "Bonn"]]


def _joined(rows, by):
    return "".join(f"{by.join(row)}\n" for row in rows)


def _texts():
    """Returns quoted texts full of commas, and a few without one."""
    rows = [["text", "label"]]
    for i in range(12):
        text = ", ".join(["so", "it", "goes", "on"][: i % 4 + 1])
        rows.append([f"{text}; number {i}", "good" if i % 2 else "bad"])
    text = "text,label\n" + "".join(f'"{t}",{k}\n' for t, k in rows[1:])
    return text.encode(), rows


CASES = {
    "plain": (b"age,city\n33,Rome\n41,Bonn\n", PLAIN),
    "semicolons, decimal commas": (_joined(NUMBERS, ";").encode(), NUMBERS),
    "all numbers with decimal commas": (
        b"x;y\n1,5;2,5\n3,5;4,5\n5,5;6,5\n",
        [["x", "y"], ["1,5", "2,5"], ["3,5", "4,5"], ["5,5", "6,5"]],
    ),
    "tabs": (_joined(NUMBERS, "\t").encode(), NUMBERS),
    "bars": (_joined(NUMBERS, "|").encode(), NUMBERS),
    "sep=;": (b"sep=;\n" + _joined(NUMBERS, ";").encode(), NUMBERS),
    "sep=, behind a mark": (
        b"\xef\xbb\xbfsep=,\r\nage,city\r\n33,Rome\r\n41,Bonn\r\n",
        PLAIN,
    ),
    "sep=^": (b'"sep=^"\nage^city\n33^Rome\n41^Bonn\n', PLAIN),
    "doubled quotes": (
        b'text,label\n"one, ""two""",good\n"so, so",bad\n',
        [["text", "label"], ['one, "two"', "good"], ["so, so", "bad"]],
    ),
    "single quotes": (
        b"text,label\n'one, two',good\n'so, so',bad\n",
        [["text", "label"], ["one, two", "good"], ["so, so", "bad"]],
    ),
    "escaped quotes": (
        b'text,label\n"one, \\"two\\", 3",good\n"C:\\new, so",bad\n',
        [["text", "label"], ['one, "two", 3', "good"], ["C:\\new, so", "bad"]],
    ),
    "a quote inside a cell": (
        b'text,label\n5" screen,good\nso 6" wide,bad\n',
        [["text", "label"], ['5" screen', "good"], ['so 6" wide', "bad"]],
    ),
    "a quoted word begins a cell": (
        b'text,label\n"good" film,good\na bad one,bad\n',
        [["text", "label"], ['"good" film', "good"], ["a bad one", "bad"]],
    ),
    "apostrophes": (
        b"text,label\n'tis good,good\nit isn't,bad\nthe dogs',bad\n",
        [
            ["text", "label"],
            ["'tis good", "good"],
            ["it isn't", "bad"],
            ["the dogs'", "bad"],
        ],
    ),
    "thousands in quotes": (
        b'x,n\n1.5,"1,234"\n2.5,"12,345"\n',
        [["x", "n"], ["1.5", "1,234"], ["2.5", "12,345"]],
    ),
    "UTF-8 with a mark": (b"\xef\xbb\xbfage,city\n33,Rome\n41,Bonn\n", PLAIN),
    "UTF-16 with a mark": (
        "age,city\n33,Größe\n".encode("utf-16"),
        [["age", "city"], ["33", LETTER]],
    ),
    "UTF-16 without a mark": (
        "age;city\n33;Größe\n".encode("utf-16-le"),
        [["age", "city"], ["33", LETTER]],
    ),
    "cp1252": (
        "price,city\n5 €,Größe\n6 €,Köln\n".encode("cp1252"),
        [["price", "city"], ["5 €", LETTER], ["6 €", "Köln"]],
    ),
    "latin-1": (
        "Größe;Stadt\n1,5;Köln\n2,5;Fürth\n".encode("latin-1"),
        [[LETTER, "Stadt"], ["1,5", "Köln"], ["2,5", "Fürth"]],
    ),
    "another alphabet": ("a,b\nПривет,мир\nещё,раз\n".encode("cp1251"), None),
    "blank lines": (b"age,city\n\n33,Rome\n  \n\n41,Bonn\n\n\n", PLAIN),
    "old line ends": (b"age,city\r33,Rome\r41,Bonn\r", PLAIN),
    "mixed line ends": (b"age,city\r\n33,Rome\n41,Bonn\r\n", PLAIN),
    "comments first": (
        b"# exported by a program, 2024\n# two\nage,city\n33,Rome\n41,Bonn\n",
        PLAIN,
    ),
    "names behind #": (
        b"#age,city\n33,Rome\n",
        [["#age", "city"], ["33", "Rome"]],
    ),
    "texts with many commas": _texts(),
    "semicolons in texts": (
        b"text,label\na; b; c,good\nd; e; f,bad\ng; h; i,bad\n",
        [
            ["text", "label"],
            ["a; b; c", "good"],
            ["d; e; f", "bad"],
            ["g; h; i", "bad"],
        ],
    ),
    "commas in texts": (
        b"text;label\nhello, you;good\nnot, this;bad\n",
        [["text", "label"], ["hello, you", "good"], ["not, this", "bad"]],
    ),
    "one column": (b"age\n33\n41\n", [["age"], ["33"], ["41"]]),
    "one column of numbers with commas": (
        b"x\n1,5\n2,5\n",
        [["x"], ["1,5"], ["2,5"]],
    ),
    "one column of texts": (
        b"text\nso, it goes\nfine; or not\nwell\n",
        [["text"], ["so, it goes"], ["fine; or not"], ["well"]],
    ),
    "quoted line ends": (
        b'text,label\n"one\ntwo\n\nthree",good\n"so",bad\n',
        [["text", "label"], ["one\ntwo\n\nthree", "good"], ["so", "bad"]],
    ),
    "spaces behind commas": (
        b'age, city\n33, "Rome, Italy"\n41, Bonn\n',
        [["age", "city"], ["33", "Rome, Italy"], ["41", "Bonn"]],
    ),
    "row names of R": (
        b'"age","city"\n"1",33,"Rome"\n"2",41,"Bonn"\n',
        PLAIN,
    ),
    "a comma behind each row": (b"age,city\n33,Rome,\n41,Bonn,\n", PLAIN),
    "empty cells": (
        b"age,city,n\n,Rome,\n41,,\n,,5\n",
        [
            ["age", "city", "n"],
            ["", "Rome", ""],
            ["41", "", ""],
            ["", "", "5"],
        ],
    ),
    "a line end in a name": (
        b'"age\nin years",city\n33,Rome\n41,Bonn\n',
        [["age\nin years", "city"], ["33", "Rome"], ["41", "Bonn"]],
    ),
    "names with a comma": (
        b'"price, EUR",city\n5,Rome\n6,Bonn\n',
        [["price, EUR", "city"], ["5", "Rome"], ["6", "Bonn"]],
    ),
    "a unit with a comma among semicolons": (
        b"age;price, EUR;y\n33;1,5;ja\n34;2,5;ja\n",
        [["age", "price, EUR", "y"], ["33", "1,5", "ja"], ["34", "2,5", "ja"]],
    ),
    "two dialects": (b"a;b,c\nx;y,z\nu;v,w\n", None),
    "one comma in each text": (b"text,label\nso, so,good\nno, no,bad\n", None),
    "a header only": (b"age,city\n", None),
    "nothing": (b"", None),
    "a cell too many": (b"age,city\n33,Rome\n41,Bonn,x\n", None),
    "a cell too few": (b"age,city\n33,Rome\n41\n", None),
    "commas not in quotes": (
        b"text,label\ngood,good\nso, so,bad\nfine,good\n",
        None,
    ),
    "a quote left open": (b'text,label\n"one,good\ntwo,bad\nthree,bad\n', None),
    "a sum below": (b"age;city\n33;Rome\n41;Bonn\nTotal 2 rows\n", None),
}
