"""What is done with a recipe for pictures?"""

from aet_keras import export
from aet_keras.training import steps
from aet_keras.training._measuring import measure
from aet_keras.training.job import Job, introduce

_COMPARED_PICTURES = 64


def _introduce(dataset):
    return introduce(dataset, "pictures")


def _build(recipe, dataset):
    class_count = len(dataset.specification.class_names)
    return steps.build_classifier(recipe, class_count)


def _write(model, recipe, dataset, directory):
    pictures = dataset.test.inputs[:_COMPARED_PICTURES]
    export.write_classifier(
        model,
        directory,
        class_names=dataset.specification.class_names,
        pictures=pictures,
    )
    return export.compare_export(directory, model, pictures)


JOB = Job(
    read=steps.read_dataset,
    introduce=_introduce,
    build=_build,
    fit=steps.fit_recipe,
    measure=measure,
    write=_write,
)
