"""TOML on every Python: the standard library's parser, or tomli, which is the same, before Python 3.11.

Both raise `TOMLDecodeError`, which is a ValueError.
"""

import sys

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads

__all__ = ["TOMLDecodeError", "loads"]
