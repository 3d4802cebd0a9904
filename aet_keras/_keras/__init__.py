"""The one room that leans on what Keras does not promise, a file a seam."""
