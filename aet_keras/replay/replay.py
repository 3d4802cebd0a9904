"""Decides when a `fit` records and when it replays."""

from collections.abc import Mapping
from typing import Any

from aet_keras import _check as check
from aet_keras._keras import functions, running_fit
from aet_keras._keras.iterators import made
from aet_keras._keras.optimizer import restart_averages
from aet_keras._keras.proofs import Unproved
from aet_keras._keras.split_graph import SplitGraph
from aet_keras.replay import dense_head
from aet_keras.replay.boundary import BoundaryFinder
from aet_keras.replay.readers import make_recorders, reader_of_training
from aet_keras.replay.replay_safety import reason_of_model
from aet_keras.replay.sums import FrozenWeights
from aet_keras.replay.training import Training
from aet_keras.replay.validation import Validation


class Replay:
    """Replaces the train and the test function of one `fit`.

    Args:
        model: the model; its groups are under control already.
        groups: those groups, stem to head.
        cache: makes records and sums of rows (`FeatureCache`).
        seed: int. Of the order of replayed rows.
        views: int >= 1. How many augmented passes to record.

    Attributes:
        is_on: bool. Whether anything is recorded or replayed.
        cached_count: int. How many groups, from the stem of each part on,
            are replayed in this epoch.
        recorders: tuple of `Recorder`, of training and of validation.
    """

    def __init__(self, model, groups, cache, seed: int, views: int = 1):
        self._model = model
        self._groups = groups
        self._seed = seed
        self.cached_count = 0
        self._sentences: list[str] = []
        self._told: set[str] = set()
        self.recorders: tuple[Any, ...] = ()
        reason = reason_of_model(model)
        self.is_on = reason is None
        if reason is not None:
            self.say(f"no cache: {reason}")
            return
        self._graph = graph = SplitGraph(model)
        self._finder = BoundaryFinder(graph, groups, may_draw=views > 1)
        self._store = cache.store
        self.recorders = make_recorders(graph, cache, self._store, views=views)
        train, test = self.recorders
        self._weights = FrozenWeights(graph)
        try:
            reader, self._why_looked_up = reader_of_training(
                model, train, running_fit.epoch_iterator_of(model), views
            )
        except Unproved as error:
            self.say(
                f"no cache with several workers: {error}; rows of arrays, and "
                "of slices with `map` and `batch`, can be divided"
            )
            self.is_on, self.recorders = False, ()
            return
        self._training = Training(
            model,
            reader,
            self.recorders,
            self._weights,
            say=self.say,
            stop=self._turn_off,
        )
        self._validation = Validation(model, test, self._weights, say=self.say)
        self._boundary: Any = None
        self._below: list[int] = []
        self._recorded_before: set = set()
        self._is_for_others = False
        self._fit = functions.current_fit(model)

    def begin_epoch(
        self, epoch: int, trainable, *, batch_count: int, is_last: bool
    ) -> None:
        """Chooses how the epoch runs: plainly, recorded or replayed.

        Args:
            epoch: int >= 0. Epochs finished.
            trainable: tuple of bools. Which groups move.
            batch_count: int >= 1, or 0 while that is not known.
            is_last: bool. Whether no epoch follows.
        """
        if not self.is_on:
            return
        self.keep_records()
        self._training.give_up_on_new_rows()
        self._boundary = self._finder.find(trainable)
        self._below = self._finder.below(self._boundary)
        self.cached_count = len(self._below)
        self._say_obstacle()
        self._sort_out_records()
        # What no epoch follows is of use to those who share the store alone.
        has_records = any(each.record is not None for each in self.recorders)
        # A worker that goes on records anew what the one before it had.
        had_record = self._recorded_before.issuperset(self._boundary.keys)
        self._recorded_before = set()
        self._is_for_others = is_last and not (has_records or had_record)
        is_worth_it = self._store is not None or not self._is_for_others
        is_plain = self._training.is_plain
        self._training.begin_epoch(self._boundary)
        self._validation.begin_epoch(self._boundary, is_train_plain=is_plain)
        if not (self.cached_count and is_worth_it):
            self.cached_count = 0
            self._leave()
            return
        if is_plain:
            self.cached_count = 0
            self._leave()
            self._validation.enter(self._run_test)
            return
        self._training.begin(batch_count=batch_count, seed=(self._seed, epoch))
        self._model.train_function = self._run_train
        self._validation.enter(self._run_test)
        if self._training.reader.is_recording:
            self._say_recording()

    def solve_head(
        self, logs: Mapping[str, float], trainable
    ) -> dict[str, float] | None:
        """Solves the head on what was recorded, where that can be done.

        Args:
            logs: dict from str to float. Of the epoch that has ended.
            trainable: tuple of bools. Which groups move.

        Returns:
            The validation figures with the solved head, if they are better.
        """
        if not self.is_on or self._is_for_others or "val_loss" not in logs:
            return None
        boundary = self._finder.find(trainable)
        if not self._has_whole_passes(boundary):
            return None
        try:
            heads = dense_head.heads_of(self._graph, boundary)
            attempt = dense_head.solve(
                heads, self._model, self.recorders, logged=logs["val_loss"]
            )
        except dense_head.NotSolved as reason:
            self.say(f"does not solve the head: {reason}", once=True)
            return None
        if not attempt.sentences:
            return None
        figures = self._validation.measure(boundary)
        if not figures["val_loss"] < attempt.before:
            attempt.undo()
            return None
        restart_averages(self._model, [v for v, _ in attempt.kept])
        self._sentences += attempt.sentences
        return figures

    def keep_records(self) -> None:
        """Leaves features to other runs, unless weights were written since."""
        if not self.is_on or self._store is None or self._boundary is None:
            return
        self._sentences += self._store.take_sentences()
        train, _ = self.recorders
        if train.record is None or self._weights.are_written(self._boundary):
            return
        try:
            kept = [each.keep() for each in self.recorders]
        except OSError as error:
            self.say(f"keeps nothing for other runs: {error}")
            self._store = None
            return
        taken, new = (sum(counts) for counts in zip(*kept, strict=True))
        if taken or new:
            self.say(
                f"took {taken} rows from {self._store.folder}, added {new}"
            )

    def release(self) -> None:
        """Lets the model make its own functions again, and frees the cache."""
        if self.is_on:
            self.keep_records()
            self._leave()
            self._forget()

    def take_sentences(self) -> list[str]:
        """Returns what there is to say since it was asked last."""
        sentences, self._sentences = self._sentences, []
        return sentences

    @property
    def byte_count(self) -> int:
        """How many bytes the records of training and validation take."""
        records = [each.record for each in self.recorders if self.is_on]
        return sum(each.byte_count for each in records if each is not None)

    def skip(self, iterator) -> None:
        """Does to the record what a step does, and trains nothing."""
        if self.is_on and self.cached_count:
            self._training.skip(iterator)
        else:
            next(iterator)

    def get_state(self, current=None) -> dict | None:
        """Returns what a resumed run has to know, the rows left out.

        Args:
            current: the iterator that the next epoch goes on with, or None.
        """
        if not self.recorders:
            return None
        return {
            "learned": self._learned(),
            "is_current": self._training.reads(current),
            "sums": self._weights.get_state(),
            **{
                split: self._state_of(reader)
                for split, reader in self._readers().items()
            },
        }

    def set_state(self, state: dict | None, trainable) -> None:
        """Brings back what `get_state` returned; rows follow, one by one.

        `record_again` is called with each batch of `recorded_passes`, and then
        `finish_records` once.

        Args:
            state: what `get_state` returned.
            trainable: tuple of bools. Which groups move.
        """
        if state is None or not self.is_on:
            return
        check.entries(
            self,
            state,
            ("learned", "is_current", "sums", "train", "validation"),
        )
        learned = state["learned"]
        check.entries(self, learned, self._learned())
        self._training.is_plain = learned["_is_train_plain"]
        self._validation.is_on = learned["_tests_are_replayed"]
        self._told = set(learned["_told"])
        self._training.wasted_count = learned["_wasted_count"]
        self.is_on = learned["is_on"]
        self._seed = learned["seed"]
        self._sentences = list(learned["sentences"])
        self._boundary = self._finder.find(trainable)
        self._weights.set_state(state["sums"])
        held = state["train"]["keys"] if state["train"] else ()
        self._recorded_before = {self._graph.keys[place] for place in held}
        for split, reader in self._readers().items():
            if reader is None:
                continue
            reader.recorder.forget()
            if state[split]:
                reader.set_state(state[split]["feed"])

    def recorded_passes(self, state: dict | None, split: str) -> list:
        """Lists the batches that `record_again` wants to see, in order.

        Args:
            state: what `get_state` returned.
            split: `"train"` or `"validation"`.

        Returns:
            List of tuples: number of the iterator, of its first batch, and
            how many.
        """
        if not state or not state[split]:
            return []
        listed = state[split]["feed"]["passes"]
        return [(*place, count) for place, count in listed if place]

    def record_again(self, state: dict, split: str, batch) -> None:
        """Records a batch without training on it."""
        if not self.is_on:
            return
        keys = self._graph.keys
        recorded = tuple(keys[place] for place in state[split]["keys"])
        reader = self._readers()[split]
        reader.record_again(batch, self._boundary.recording(recorded))

    def finish_records(self, state: dict | None, current) -> None:
        """Notes what is known only once all is recorded again."""
        if not state or not self.is_on:
            return
        for split, reader in self._readers().items():
            if state[split]:
                known = {k: v for k, v in state[split].items() if k != "feed"}
                reader.recorder.set_state(known, self._boundary)
        self._training.go_on(current if state["is_current"] else None)

    def _learned(self):
        """Returns what is no record, under the names that saves have."""
        return {
            "_is_train_plain": self._training.is_plain,
            "_tests_are_replayed": self._validation.is_on,
            "_told": sorted(self._told),
            "_wasted_count": self._training.wasted_count,
            "is_on": self.is_on,
            "seed": self._seed,
            "sentences": list(self._sentences),
        }

    def _readers(self):
        """Returns what reads each split; None before its data set is there."""
        train, test = self._training.reader, self._validation.reader()
        return {"train": train, "validation": test}

    def _state_of(self, reader):
        if reader is None or reader.recorder.record is None:
            return None
        known = reader.recorder.get_state(self._boundary)
        return {"feed": reader.get_state(), **known}

    def _has_whole_passes(self, boundary):
        """Whether all that crosses a boundary is recorded, and still holds."""
        if any(each.record is None for each in self.recorders):
            return False
        if self._weights.are_written(boundary):
            return False
        splits = self._training.reader, self._validation
        if not all(each.holds_pass for each in splits):
            return False
        return all(each.has(boundary) for each in self.recorders)

    def say(self, sentence, *, once=False):
        """Keeps a sentence for `take_sentences`, if there is one."""
        if sentence is None or once and sentence in self._told:
            return
        if once:
            self._told.add(sentence)
        self._sentences.append(sentence)

    def _say_recording(self):
        names = self._finder.names(self._below)
        self.say(f"records {self._training.reader.what} {names} put out")
        self.say(self._why_looked_up, once=True)

    def _say_obstacle(self):
        why = self._finder.obstacle(self._boundary)
        if why is None or why in self._told:
            return
        self._told.add(why)
        reach = "nothing"
        if self.cached_count:
            top = self._groups[self._below[-1]].name
            reach = f"no further than {top}"
        self.say(f"caches {reach}: {why}")

    def _sort_out_records(self):
        """Drops what the boundary of this epoch cannot use."""
        for each in self.recorders:
            if each.has(self._boundary):
                each.keep_only(self._boundary.recorded)
            else:
                each.forget()

    def _forget(self):
        for each in self.recorders:
            each.forget()

    def _leave(self):
        """Gives the model functions of its own."""
        self._training.leave()
        self._validation.leave()
        if self._model.train_function == self._run_train:
            functions.rebuild_train_function(self._model)
        if self._model.test_function == self._run_test:
            self._model.test_function = self._validation.plain

    def _turn_off(self, reason):
        self.say(f"no cache: {reason}")
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

    def _run_test(self, iterator):
        if self._is_foreign():
            return self._validation.plain(made(iterator))
        return self._validation.run(iterator)

    def _run_train(self, iterator):
        if self._is_foreign():
            return self._model.train_function(made(iterator))
        return self._training.run(iterator)
