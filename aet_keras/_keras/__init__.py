"""Uses private parts of Keras; no other room does. One part a file."""
