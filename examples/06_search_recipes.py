"""Which recipe is best for these images, of those that can be tried?

KerasTuner proposes; each trial is a run of the recipe with other numbers. What
is tuned, and within which bounds, is said by name; numbers of a policy exist
only where that policy was chosen. Frozen layers compute an image once: their
features are shared between trials.

    python examples/06_search_recipes.py

Takes about 3 minutes on 2 cores, prints a line a trial, and writes
searches/digits/recipe.json, the best recipe, at about 0.95 of the validation
images, or more. `aet-keras fit --recipe searches/digits/recipe.json --out
saved_models/digits` then trains and publishes it. On the command line:
`aet-keras tune digits --out searches/digits`.
"""

import argparse

from aet_keras import recipes, tuning

parser = argparse.ArgumentParser()
parser.add_argument("--out", default="searches/digits")
parser.add_argument("--resume", action="store_true", help="go on where it was")
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
recipe = recipes.Recipe(
    "digits",  # or a folder with one folder a class
    image_size=32,
    epochs=1 if args.smoke else 8,
    augment="none",  # features of augmented images cannot be shared
)
space = tuning.ElasticSpace(
    {
        "thaw": ["ThawOnStall", "ThawAll", "AttendToGradients"],
        "ThawOnStall/rate_ratio": {"min": 0.1, "max": 1.0, "log": True},
        "ThawAll/rate_ratio": {"min": 0.1, "max": 1.0, "log": True},
        "AttendToGradients/temperature": [0.5, 1.0, 2.0],
        "learning_rate": {"min": 1e-3, "max": 1e-2, "log": True},
        "dropout": [0.0, 0.2, 0.4],
    },
    others="fixed",  # what is not named stays as the recipe has it
)
tuner = "random"  # or "hyperband", "bayesian"
max_trials = 1 if args.smoke else 8
workers = 0  # processes that run trials; 0 runs them here
seed = 0


def watch(trial):
    """Says what a trial came to; one that failed says with what."""
    score = trial.figures.get("val_accuracy")
    came_to = trial.error if score is None else f"{score:.4f}"
    print(f"{trial.number:>3}  {came_to}  {trial.to_text()}", flush=True)


search = tuning.search_recipes(
    recipe,
    args.out,
    space=space,
    tuner=tuner,
    max_trials=max_trials,
    workers=workers,
    seed=seed,
    resume=args.resume,
    watch=watch,
)
best = search.best
print(f"\nbest of {len(search.trials)}: {best.to_text()}")
print(f"validation accuracy: {best.figures['val_accuracy']:.4f}")
print(f"{args.out}/recipe.json, trials.csv, trials.png")
