"""The official harness beside medenv, row by row."""
