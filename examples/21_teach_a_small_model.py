"""What does a small model learn from a large one, beside a few labels?

A fine-tuned backbone is the teacher. The student is a network of a few
thousand weights with 150 labels; of all other training images it is told what
the teacher thinks, and nothing else. `teach` asks the teacher once and returns
what `fit` takes; the same student with labels alone stands beside it.

    python examples/21_teach_a_small_model.py

Takes about 2 minutes on 2 cores. Expect a test accuracy of 0.97 for the
teacher, 0.67 for the student with labels alone, and 0.95 with the teacher; the
student is 41 times smaller.

The command for a student with a pretrained backbone is `aet-keras fit DATA
--teacher saved_models/BIG`.
"""

import argparse

import keras

from aet_keras import data, fine_tune, tasks
from aet_keras.training import teach

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
source = "digits"  # or a folder with one folder a class
image_size = (32, 32)
labelled_count = 150
teacher_epochs = 1 if args.smoke else 12
student_epochs = 1 if args.smoke else 40
share, temperature = 0.7, 2.0  # what the teacher counts, and how softly
seed = 0

dataset = data.read_images(source, image_size=image_size, seed=seed)
x, y = dataset.train.inputs, dataset.train.labels
held = dataset.validation.inputs, dataset.validation.labels
test = dataset.test.inputs, dataset.test.labels
class_count = len(dataset.specification.class_names)
if args.smoke:
    x, y = x[:200], y[:200]


def compile_model(model, learning_rate):
    """Compiles a classifier of class numbers."""
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    return model


def build_student():
    """Returns three convolutions and a head."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((*image_size, 3)), keras.layers.Rescaling(1 / 255)]
    for filters in (8, 16, 32):
        layers.append(
            keras.layers.Conv2D(filters, 3, strides=2, activation="relu")
        )
    layers.append(keras.layers.GlobalAveragePooling2D())
    layers.append(keras.layers.Dense(class_count, activation="softmax"))
    return compile_model(keras.Sequential(layers), 3e-3)


def fitted(student, train):
    """Fits a student, and returns its accuracy on the test images."""
    student.fit(
        *train,
        validation_data=held,
        epochs=student_epochs,
        verbose=0,
    )
    return student.evaluate(*test, verbose=0)[1]


keras.utils.set_random_seed(seed)
teacher = compile_model(
    tasks.build_image_classifier(
        class_count=class_count, image_size=image_size
    ),
    1e-3,
)
fine_tune(
    teacher, (x, y), validation_data=held, epochs=teacher_epochs, verbose=0
)

few = x[:labelled_count], y[:labelled_count]
alone = fitted(build_student(), few)

student = build_student()
train = teach(
    student,
    teacher,
    few,
    unlabelled=x[labelled_count:],
    share=share,
    temperature=temperature,
)
taught = fitted(student, train)

times = teacher.count_params() / student.count_params()
print(f"the student is {times:.0f} times smaller than its teacher")
print(
    f"test accuracy of the teacher: {teacher.evaluate(*test, verbose=0)[1]:.4f}"
)
print(f"test accuracy of the student with labels alone: {alone:.4f}")
print(f"test accuracy of the student with a teacher: {taught:.4f}")
