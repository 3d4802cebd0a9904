"""Lists words that users choose from; recipes need them without Keras."""

ATTENTIONS = ("none", "se", "eca", "cbam", "soft", "pooling")
AUGMENTATIONS = ("none", "flip", "light", "strong", "robust")
COLUMN_KINDS = ("number", "category", "date", "ignore")
FEATURES = ("share", "keep", "apart")
OBJECTIVES = ("val_accuracy", "val_loss")
POOLINGS = ("mean", "attention")
RATING_SPLITS = ("random", "leave_last_out", "time")
TARGET_KINDS = ("auto", "classes", "number", "tags")
TUNERS = ("random", "hyperband", "bayesian")
