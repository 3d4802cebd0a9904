"""How does a text model learn a new class from 20 examples, and forget none?

A model sorts messages to a bank's customer service into five intents. A sixth
one comes up: people want to cancel. `aet_keras.adapt` widens the head by it;
the weights of the five stay, and so do their answers, but for messages that
look like the new intent.

    python examples/18_add_an_intent.py

The messages were written for this example. Words are read as hashed pieces of
two to four letters; the same call adapts a model on a text encoder. Takes ten
seconds. Four sentences an intent are never learned from: expect all 20 of the
five intents, and the four of the new one, to be answered rightly.
"""

import argparse

import keras
import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="the same")
parser.parse_args()

# Settings.
learned_count = 10  # sentences of an intent; the other four test
new_count = 20  # ten sentences, each written in two ways
epochs = 30
learning_rate = 1e-2
seed = 0
NEW = "cancel"
FRAMES = ("{}", "hello, {}", "{}, thank you", "good morning! {}")
MESSAGES = {
    "card": """i lost my card; my card was stolen; please block my card; the
        card does not work any more; the machine kept my card; i need a new
        card; my bank card is gone; someone took my card; my card is broken;
        when does my new card come; i cannot find my card; freeze the card at
        once; a replacement card please; the shop refused my card""",
    "balance": """how much money do i have; what is my balance; show me my
        account balance; how much is in my savings account; what is left on
        my account; balance please; tell me the amount on my account; is there
        money on my account; what did i have last month on my account; my
        current balance; how much is on my account; what is the balance of
        my savings; show the amount that i have; how much money is left""",
    "address": """i have moved; my address has changed; please update my
        address; i live in another street now; new address for my letters; how
        do i change my address; letters go to my old address; i moved to
        another town; my new street is elm road; change the street please; my
        letters go to the old street; i moved house last week; update where i
        live please; another address for my letters""",
    "hours": """when do you open; are you open on saturday; what are your
        opening hours; when does the branch close; is the branch open today;
        opening times please; do you close at noon; at what time do you open;
        until when are you open tonight; is someone there on sunday; when is
        the branch open; do you open on sunday; what time does the branch
        close today; are you closed at noon""",
    "refund": """i was charged twice; please give me my money back; i want a
        refund; this payment was not mine; i paid for something that never
        came; the shop took too much money; a wrong amount was charged; refund
        the payment; they charged me for nothing; i was billed two times; i
        want my payment back; refund me please; i was charged a wrong amount;
        the shop charged me twice""",
    NEW: """i want to cancel my contract; please close my account; cancel
        everything; how do i end my contract; i am leaving your bank; stop my
        contract at the end of the month; i want to quit; cancel my account; i
        no longer want to be your customer; terminate my contract; end my
        contract today; i want to cancel my account; close and cancel the
        account; how do i quit your bank""",
}


def messages(name):
    """Returns messages to learn from, and others to test on."""
    cores = [" ".join(each.split()) for each in MESSAGES[name].split(";")]
    learned, tested = cores[:learned_count], cores[learned_count:]
    return [f.format(each) for f in FRAMES for each in learned], tested


def read(texts):
    """Returns numbers for texts, `(texts, width)`."""
    pieces = HashingVectorizer(
        n_features=2048, analyzer="char_wb", ngram_range=(2, 4)
    )
    return pieces.transform(texts).toarray().astype("float32")


keras.utils.set_random_seed(seed)
old_names = [name for name in MESSAGES if name != NEW]
learned, tested = zip(*map(messages, old_names), strict=True)
x, test_x = (read(sum(part, [])) for part in (learned, tested))
y, test_y = (
    np.repeat(np.arange(len(old_names)), len(part[0]))
    for part in (learned, tested)
)
head = keras.layers.Dense(len(old_names), "softmax")
model = keras.Sequential([keras.Input(x.shape[1:]), head])
model.compile(
    keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy"
)
model.fit(x, y, epochs=epochs, batch_size=16, verbose=0)
before = model.predict(test_x, verbose=0).argmax(axis=1)

some, unseen = messages(NEW)
new_x = read(some[:new_count])
new_y = np.full(new_count, len(old_names))
adapted = aet_keras.adapt(model, new_x, new_y, old=(x, y))
print(f"{new_count} examples of `{NEW}`\n{adapted.to_text()}\n")

after = adapted.model.predict(test_x, verbose=0).argmax(axis=1)
found = adapted.model.predict(read(unseen), verbose=0).argmax(axis=1)
print(f"five intents before: {np.mean(before == test_y):.2f}")
print(f"five intents after:  {np.mean(after == test_y):.2f}")
print(f"the new intent:      {np.mean(found == len(old_names)):.2f}")
assert np.mean(after == before) >= 0.9
assert np.mean(found == len(old_names)) >= 0.75
