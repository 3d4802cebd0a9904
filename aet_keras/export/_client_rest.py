"""Asks a server what images show, over REST, with nothing but Python.

python client_rest.py IMAGE.jpg ... [--url http://127.0.0.1:8501]
"""

import argparse
import base64
import json
import pathlib
import sys
import urllib.error
import urllib.request

MODEL = "NAME"
MOST = 32  # `max_batch_size` in batching.config


def ask(url, images):
    """Returns for each image a dict of `classes` and `probabilities`."""
    encoded = [base64.b64encode(p.read_bytes()).decode() for p in images]
    body = {
        "signature_name": "bytes",
        "instances": [{"b64": each} for each in encoded],
    }
    request = urllib.request.Request(
        f"{url}/v1/models/{MODEL}:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["predictions"]


def main():
    """Prints one line an image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+", type=pathlib.Path)
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    given = parser.parse_args()
    for first in range(0, len(given.images), MOST):
        batch = given.images[first : first + MOST]
        try:
            answers = ask(given.url, batch)
        except urllib.error.HTTPError as error:
            sys.exit(f"{error.code}: {error.read().decode()}")
        except OSError as error:
            sys.exit(f"{given.url}: {error}")
        for image, each in zip(batch, answers, strict=True):
            pairs = zip(each["classes"], each["probabilities"], strict=True)
            known = dict(pairs)
            # Of classes with an order the median is the answer.
            name = each.get("median") or max(known, key=known.get)
            print(f"{image}  {name}, {known[name]:.1%}")


if __name__ == "__main__":
    main()
