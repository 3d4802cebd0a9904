"""Decides when a `fit` records and when it replays."""

import weakref
from typing import Any

import numpy as np

from aet_keras._keras import functions, iterators, running_fit
from aet_keras._keras.optimizer import restart_averages
from aet_keras._keras.proofs import Proof
from aet_keras._keras.split_graph import SplitGraph
from aet_keras._progress import report
from aet_keras.errors import CacheFull
from aet_keras.replay import dense_head
from aet_keras.replay.augmented_passes import (
    make_recorders,
    reader_of_training,
    reader_of_validation,
)
from aet_keras.replay.boundary import BoundaryFinder, WeightMonitor, sums_of
from aet_keras.replay.replay_safety import Unsafe, reason_of_model


class Replay:
    """Stands in for the train and the test function of one `fit`.

    Args:
        model: the model; its groups are under control already.
        groups: those groups, stem to head.
        cache: makes records and sums of rows (`FeatureCache`).
        seed: int. Of the order of replayed rows.
        views: int >= 1. How many augmented passes to record.
    """

    # What a resumed run has to know too, records left out.
    learns = (
        "_is_train_plain",
        "_tests_are_replayed",
        "_told",
        "_wasted_count",
        "is_on",
        "seed",
        "sentences",
    )

    def __init__(self, model, groups, cache, seed: int, views: int = 1):
        self._model = model
        self._groups = groups
        self.seed = seed
        self.cached_count = 0
        self.sentences: list[str] = []
        reason = reason_of_model(model)
        self.is_on = reason is None
        if reason is not None:
            self.sentences.append(f"no cache: {reason}")
            return
        self._graph = graph = SplitGraph(model)
        self._finder = BoundaryFinder(graph, groups, may_draw=views > 1)
        self._store = cache.store
        self._sides = make_recorders(graph, cache, self._store)
        self._train, self._why_looked_up = reader_of_training(
            self._sides[0],
            Proof.of(running_fit.epoch_iterator_of(model)),
            views,
        )
        self._test: Any = None  # not known before validation begins
        self._boundary: Any = None
        self._plain_train: Any = None
        self._sums: dict[int, bytes] = {}
        # For each boundary, where a user's code may write.
        self._witnesses: dict[Any, Any] = {}
        self._witness = None
        self._unread_count = 0  # batches that were replayed and not read
        self._wasted_count = 0
        self._told: set[str] = set()
        self._iterator = self._earlier = self._validated = None
        self._tests_are_replayed = True
        self._is_train_plain = False  # too few of its rows come again
        self._is_test_begun = False
        self._is_for_others = False
        self._plain_test = functions.own_test_function(model)
        self._fit = functions.current_fit(model)

    def begin_epoch(self, epoch: int, trainable, *, batch_count, is_last):
        """Chooses how the epoch runs: plainly, recorded or replayed."""
        if not self.is_on:
            return
        self._keep_records()
        self._give_up_on_new_rows()
        self._boundary = self._finder.find()
        self._plain_train = None
        self._earlier, self._iterator = self._iterator, None
        self._is_test_begun = False
        self.cached_count = self._finder.leading(self._boundary)
        self._say_obstacle(trainable)
        self._sort_out_records()
        # What no epoch follows is of use to those who share the store alone.
        has_records = any(side.record is not None for side in self._sides)
        self._is_for_others = is_last and not has_records
        is_worth_it = self._store is not None or not self._is_for_others
        if not (self.cached_count and is_worth_it):
            self.cached_count = 0
            self._leave()
            return
        self._begin = {
            "boundary": self._boundary,
            "tag": tuple(trainable),
            "keys": self._finder.keys(self._boundary, self.cached_count),
        }
        if self._is_train_plain:
            self.cached_count = 0
            self._leave()
            self._model.test_function = self._run_test
            return
        self._begin_train = {
            **self._begin,
            "batch_count": batch_count,
            "seed": (self.seed, epoch),
        }
        self._train.begin(**self._begin_train)
        self._model.train_function = self._run_train
        self._model.test_function = self._run_test
        if self._train.is_recording:
            self._say_recording()

    def solve_head(self, logs, trainable) -> dict[str, float] | None:
        """Solves the head on what was recorded, where that can be done.

        Args:
            logs: dict from str to float. Of the epoch that has ended.
            trainable: tuple of bools. Which groups move.

        Returns:
            The validation figures with the solved head, if they are better.
        """
        if not self.is_on or self._is_for_others or "val_loss" not in logs:
            return None
        sides = self._sides
        boundary = self._finder.find()
        if any(side.record is None for side in sides) or self._is_stale(
            boundary
        ):
            return None
        if not (self._train.holds_pass and self._test.holds_pass):
            return None
        if not all(side.has(boundary) for side in sides):
            return None
        try:
            heads = dense_head.heads_of(self._graph, boundary)
            attempt = dense_head.solve(
                heads, self._model, sides, logged=logs["val_loss"]
            )
        except dense_head.NotSolved as reason:
            self._say_once(f"does not solve the head: {reason}")
            return None
        if not attempt.sentences:
            return None
        found = self._validate(boundary, tuple(trainable))
        if not found["val_loss"] < attempt.before:
            attempt.undo()
            return None
        restart_averages(self._model, [v for v, _ in attempt.kept])
        self.sentences += attempt.sentences
        return found

    def _validate(self, boundary, tag):
        """Returns what Keras measures on the recorded validation rows."""
        model, (_, side) = self._model, self._sides
        model.reset_metrics()
        side.run_on_all(boundary, tag)
        found = {
            f"val_{name}": float(value)
            for name, value in model.get_metrics_result().items()
            if np.ndim(value) == 0
        }
        model.reset_metrics()
        return found

    def keep_records(self) -> None:
        """Leaves features to other runs now; `sentences` says how it went."""
        if self.is_on:
            self._keep_records()

    def release(self) -> None:
        """Lets the model make its own functions again, and frees the cache."""
        if self.is_on:
            self._keep_records()
            self._leave()
            self._forget()

    def _say_recording(self):
        first, last = self._groups[0], self._groups[self.cached_count - 1]
        names = first.name if first is last else f"{first.name} to {last.name}"
        self.sentences.append(f"records {self._train.what} {names} put out")
        self._say_once(self._why_looked_up)

    def _say_once(self, what):
        if what is not None and what not in self._told:
            self._told.add(what)
            self.sentences.append(what)

    def _give_up_on_new_rows(self):
        """Trains plainly where the rows of an epoch are seldom known ones."""
        why = None if self._is_train_plain else self._train.surrender()
        if why is not None:
            self.sentences.append(f"stops recording rows of training: {why}")
            self._is_train_plain = True
            self._train.side.forget()

    def _say_padding(self):
        if self._train.padding is not None:
            self._say_once(
                "replays rows of like length together, without their padding"
            )

    def _say_obstacle(self, trainable):
        why = self._finder.obstacle(self._boundary, trainable)
        if why is None or why in self._told:
            return
        self._told.add(why)
        reach = "nothing"
        if self.cached_count:
            top = self._groups[self.cached_count - 1].name
            reach = f"no further than {top}"
        self.sentences.append(f"caches {reach}: {why}")

    def _sort_out_records(self):
        """Drops what the boundary of this epoch cannot use."""
        keys = self._finder.keys(self._boundary, self.cached_count)
        for side in self._sides:
            if side.has(self._boundary):
                side.keep_only(keys)
            else:
                side.forget()

    def _keep_records(self):
        """Leaves features to other runs, unless weights were written since."""
        if self._store is None or self._boundary is None:
            return
        self.sentences += self._store.take_sentences()
        if self._train.side.record is None or self._is_stale(self._boundary):
            return
        try:
            kept = [side.keep() for side in self._sides]
        except OSError as error:
            self.sentences.append(f"keeps nothing for other runs: {error}")
            self._store = None
            return
        taken, new = (sum(counts) for counts in zip(*kept, strict=True))
        if taken or new:
            self.sentences.append(
                f"took {taken} rows from {self._store.folder}, added {new}"
            )

    def _check_weights(self):
        """Records again if frozen weights were written since the record.

        At the first step, not at the start of an epoch: a callback that
        begins its epoch after ours may write them.
        """
        if self._train.side.record is None:
            self._sums = sums_of(self._finder.layers(self._boundary))
            return
        if not self._is_stale(self._boundary):
            self._wasted_count = 0
            return
        self._wasted_count += 1
        if self._wasted_count > 1:
            raise Unsafe("frozen weights are written in every epoch")
        self.sentences.append("frozen weights were written: records again")
        self._forget()
        self._train.begin(**self._begin_train)
        self._sums = sums_of(self._finder.layers(self._boundary))

    def _is_stale(self, boundary):
        """Whether weights below a boundary were written since the record."""
        sums = sums_of(self._finder.layers(boundary))
        return not sums.items() <= self._sums.items()

    @property
    def byte_count(self) -> int:
        """How many bytes the records of both sides take."""
        if not self.is_on:
            return 0
        records = [side.record for side in self._sides]
        return sum(each.byte_count for each in records if each is not None)

    def _forget(self):
        for side in self._sides:
            side.forget()

    def _leave(self):
        """Gives the model functions of its own."""
        if self._model.train_function == self._run_train:
            functions.rebuild_train_function(self._model)
        if self._model.test_function == self._run_test:
            self._model.test_function = self._plain_test

    def _turn_off(self, reason):
        self.sentences.append(f"no cache: {reason}")
        self._leave()
        self._forget()
        self.is_on = False
        self.cached_count = 0

    def _is_foreign(self):
        """Whether another `fit` runs, because ours was interrupted."""
        if functions.current_fit(self._model) is self._fit:
            return False
        self.release()
        self.is_on = False
        return True

    def _run_train(self, iterator):
        if self._is_foreign():
            return self._model.train_function(iterator)
        if not functions.is_of_fit(iterator):  # `train_on_batch`
            if self._plain_train is None:
                self._plain_train = functions.make_train_function(self._model)
            return self._plain_train(iterator)
        return self._several(self._train_step, iterator)

    def skip(self, iterator) -> None:
        """Does to the record what a step does, and trains nothing."""
        if not (self.is_on and self.cached_count):
            next(iterator)
            return
        self._train.side.is_skipping = True
        try:
            self._train_step(iterator)
        finally:
            self._train.side.is_skipping = False

    def _train_step(self, iterator):
        if not self.is_on:
            return self._model.train_function(iter([next(iterator)]))
        is_first = self._iterator is None
        self._iterator = weakref.ref(iterator)
        batch = None
        try:
            if is_first:
                self._train.place = iterators.place_of(iterator)
                self._check_weights()
                self._watch()
                self._train.enter(
                    iterator, goes_on=_is(self._earlier, iterator)
                )
                if self._train.is_recording:
                    report("recording what the frozen layers put out")
            else:
                self._check_written(iterator)
            if self._train.wants_batch:
                batch = self._next(iterator)
            logs = self._train.step(batch, iterator)
            self._unread_count += batch is None
            if is_first:
                self._say_padding()
            return logs
        except (Unsafe, CacheFull) as error:
            self._turn_off(str(error))
        if self._train.unused is not None:
            batch, self._train.unused = self._train.unused, None
        batch = next(iterator) if batch is None else batch
        return self._model.train_function(iter([batch]))

    def _watch(self):
        """Begins to look for weights that are written within the epoch."""
        self._unread_count, self._witness = 0, None
        if not running_fit.acts_within_epochs(self._model):
            return
        if self._boundary not in self._witnesses:
            layers = self._finder.layers(self._boundary)
            self._witnesses[self._boundary] = WeightMonitor(layers)
        self._witness = self._witnesses[self._boundary]
        self._witness.look()

    def _check_written(self, iterator):
        """Goes on plainly, with the batches to come, if weights are others."""
        if self._witness is None or not self._witness.sees_change():
            return
        if not self._train.is_recording:
            for _ in range(self._unread_count):
                next(iterator)
        raise Unsafe("frozen weights are written within an epoch")

    def _next(self, iterator):
        try:
            return next(iterator)
        except StopIteration:
            self._train.end()
            raise

    def _run_test(self, iterator):
        if self._is_foreign():
            return self._plain_test(iterator)
        batch_count = functions.own_validation(self._model, iterator)
        if batch_count is None or not self._tests_are_replayed:
            return self._plain_test(iterator)
        if not (self._is_test_begun and _is(self._validated, iterator)):
            self._begin_test(iterator, batch_count)
        if not self._tests_are_replayed:
            return self._plain_test(iterator)
        return self._several(self._test_step, iterator)

    def _begin_test(self, iterator, batch_count):
        feed = self.validation_reader()
        self._is_test_begun = True
        goes_on = _is(self._validated, iterator)
        self._validated = weakref.ref(iterator)
        why = feed.surrender()
        if why is not None:
            self._leave_test(why)
            return
        if not self._check_weights_of_test():
            self._leave_test("frozen weights were written within an epoch")
            return
        feed.place = iterators.place_of(iterator)
        feed.begin(**self._begin, batch_count=batch_count)
        feed.enter(iterator, goes_on=goes_on)
        self._say_once(self._why_test_looked_up)

    def validation_reader(self):
        """Returns what feeds validation, once its data set is there."""
        source = functions.validation_iterator(self._model)
        if self._test is None and source is not None:
            self._test, self._why_test_looked_up = reader_of_validation(
                self._sides[1], Proof.of(source)
            )
        return self._test

    def _check_weights_of_test(self):
        """Records again if weights were written while training was plain.

        Where it is not, its first step has looked at them: returns whether
        they are still the same. Averages may be swapped in for validation.
        """
        if not self._is_train_plain:
            return not self._is_stale(self._boundary)
        if self._sides[1].record is not None and self._is_stale(self._boundary):
            self._sides[1].forget()
        if self._sides[1].record is None:
            self._sums = sums_of(self._finder.layers(self._boundary))
        return True

    def _leave_test(self, why):
        self.sentences.append(f"validation is not cached: {why}")
        self._tests_are_replayed = False
        self._sides[1].forget()

    def _test_step(self, iterator):
        batch = None
        if not self._tests_are_replayed or self._test.wants_batch:
            batch = next(iterator)
        try:
            if self._tests_are_replayed:
                if self._witness is not None and self._witness.sees_change():
                    raise Unsafe("frozen weights were written within an epoch")
                return self._test.step(batch)
        except (Unsafe, CacheFull) as error:
            self._leave_test(str(error))
        return self._plain_test(iter([batch]))

    def _several(self, step, iterator):
        """Runs as many steps as `steps_per_execution` asks for."""
        logs = None
        for _ in range(self._model.steps_per_execution):
            try:
                logs = step(iterator)
            except StopIteration:
                break
        if logs is None:
            raise StopIteration
        return logs


def _is(reference, iterator):
    """Says whether a weak reference is to this iterator."""
    return reference is not None and reference() is iterator
